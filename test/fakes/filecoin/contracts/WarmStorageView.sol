// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// A fake of the service's state view: asks the service, which answers the same questions under its own address.
contract FakeWarmStorageStateView {
    address public immutable service;

    constructor(address service_) {
        service = service_;
    }

    fallback(bytes calldata question) external returns (bytes memory) {
        (bool success, bytes memory answer) = service.staticcall(question);
        if (success) return answer;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }
}
