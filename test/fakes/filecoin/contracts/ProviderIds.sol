// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// A fake of the set of endorsed providers.
contract FakeProviderIdSet {
    address public immutable owner = msg.sender;
    uint256[] private _ids;

    error OwnableUnauthorizedAccount(address account);

    function addProviderId(uint256 providerId) external {
        if (msg.sender != owner) revert OwnableUnauthorizedAccount(msg.sender);
        if (!containsProviderId(providerId)) _ids.push(providerId);
    }

    function containsProviderId(uint256 providerId) public view returns (bool) {
        for (uint256 at = 0; at < _ids.length; at++) if (_ids[at] == providerId) return true;
        return false;
    }

    function getProviderIds() external view returns (uint256[] memory) {
        return _ids;
    }
}
