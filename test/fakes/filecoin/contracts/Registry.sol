// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// A fake of the registry of storage providers: one product a provider, PDP.
contract FakeServiceProviderRegistry {
    struct Info {
        address serviceProvider;
        address payee;
        string name;
        string description;
        bool isActive;
    }

    struct InfoView {
        uint256 providerId;
        Info info;
    }

    struct Product {
        uint8 productType;
        string[] capabilityKeys;
        bool isActive;
    }

    struct ProviderWithProduct {
        uint256 providerId;
        Info providerInfo;
        Product product;
        bytes[] productCapabilityValues;
    }

    struct Page {
        ProviderWithProduct[] providers;
        bool hasMore;
    }

    uint256 public constant REGISTRATION_FEE = 5 ether;
    uint8 private constant PDP = 0;

    uint256 private _count;
    uint256 public activeProviderCount;
    mapping(uint256 => Info) public providers;
    mapping(address => uint256) public addressToProviderId;
    mapping(uint256 => Product) private _products;
    mapping(uint256 => bytes[]) private _values;

    event ProviderRegistered(uint256 indexed providerId, address indexed serviceProvider, address indexed payee);
    event ProductAdded(
        uint256 indexed providerId,
        uint8 indexed productType,
        address serviceProvider,
        string[] capabilityKeys,
        bytes[] capabilityValues
    );
    event ProductUpdated(
        uint256 indexed providerId,
        uint8 indexed productType,
        address serviceProvider,
        string[] capabilityKeys,
        bytes[] capabilityValues
    );
    event ProviderRemoved(uint256 indexed providerId);

    function registerProvider(
        address payee,
        string calldata name,
        string calldata description,
        uint8 productType,
        string[] calldata capabilityKeys,
        bytes[] calldata capabilityValues
    ) external payable returns (uint256 providerId) {
        require(msg.value == REGISTRATION_FEE, "Incorrect fee amount");
        require(productType == PDP && addressToProviderId[msg.sender] == 0, "Address already registered");
        providerId = ++_count;
        activeProviderCount++;
        addressToProviderId[msg.sender] = providerId;
        providers[providerId] = Info(msg.sender, payee, name, description, true);
        emit ProviderRegistered(providerId, msg.sender, payee);
        _offer(providerId, capabilityKeys, capabilityValues);
        emit ProductAdded(providerId, PDP, msg.sender, capabilityKeys, capabilityValues);
    }

    function updateProduct(uint8 productType, string[] calldata capabilityKeys, bytes[] calldata capabilityValues) external {
        uint256 providerId = _known(addressToProviderId[msg.sender]);
        require(productType == PDP, "one product only in this fake");
        _offer(providerId, capabilityKeys, capabilityValues);
        emit ProductUpdated(providerId, PDP, msg.sender, capabilityKeys, capabilityValues);
    }

    function removeProvider() external {
        uint256 providerId = _known(addressToProviderId[msg.sender]);
        require(providers[providerId].isActive, "Provider is not active");
        providers[providerId].isActive = false;
        _products[providerId].isActive = false;
        delete _products[providerId].capabilityKeys;
        delete _values[providerId];
        delete addressToProviderId[msg.sender];
        activeProviderCount--;
        emit ProviderRemoved(providerId);
    }

    function getProviderCount() external view returns (uint256) {
        return _count;
    }

    function getProvider(uint256 providerId) external view returns (InfoView memory info) {
        return InfoView(_known(providerId), providers[providerId]);
    }

    function getProviderPayee(uint256 providerId) external view returns (address payee) {
        return providers[_known(providerId)].payee;
    }

    function getProviderIdByAddress(address providerAddress) external view returns (uint256) {
        return addressToProviderId[providerAddress];
    }

    function isProviderActive(uint256 providerId) external view returns (bool) {
        return providers[_known(providerId)].isActive;
    }

    function isRegisteredProvider(address provider) external view returns (bool) {
        return addressToProviderId[provider] != 0;
    }

    function providerHasProduct(uint256 providerId, uint8 productType) external view returns (bool) {
        return productType == PDP && _products[_known(providerId)].isActive;
    }

    function getProviderWithProduct(uint256 providerId, uint8 productType)
        external
        view
        returns (ProviderWithProduct memory)
    {
        require(productType == PDP, "one product only in this fake");
        return _whole(_known(providerId));
    }

    function getAllActiveProviders(uint256 offset, uint256 limit)
        external
        view
        returns (uint256[] memory providerIds, bool hasMore)
    {
        return _page(true, offset, limit);
    }

    function getProvidersByProductType(uint8 productType, bool onlyActive, uint256 offset, uint256 limit)
        external
        view
        returns (Page memory result)
    {
        if (productType != PDP) return result;
        (uint256[] memory ids, bool hasMore) = _page(onlyActive, offset, limit);
        result.hasMore = hasMore;
        result.providers = new ProviderWithProduct[](ids.length);
        for (uint256 at = 0; at < ids.length; at++) result.providers[at] = _whole(ids[at]);
    }

    function _offer(uint256 providerId, string[] calldata keys, bytes[] calldata values) private {
        require(keys.length == values.length, "Keys and values arrays must have same length");
        Product storage product = _products[providerId];
        product.isActive = true;
        delete product.capabilityKeys;
        delete _values[providerId];
        for (uint256 at = 0; at < keys.length; at++) {
            product.capabilityKeys.push(keys[at]);
            _values[providerId].push(values[at]);
        }
    }

    function _whole(uint256 providerId) private view returns (ProviderWithProduct memory) {
        return ProviderWithProduct(providerId, providers[providerId], _products[providerId], _values[providerId]);
    }

    function _known(uint256 providerId) private view returns (uint256) {
        require(providerId > 0 && providerId <= _count, "Provider does not exist");
        return providerId;
    }

    function _page(bool onlyActive, uint256 offset, uint256 limit) private view returns (uint256[] memory ids, bool hasMore) {
        uint256 total = onlyActive ? activeProviderCount : _count;
        uint256 end = offset + limit < total ? offset + limit : total;
        hasMore = end < total;
        ids = new uint256[](end > offset ? end - offset : 0);
        uint256 seen = 0;
        for (uint256 id = 1; id <= _count && seen < end; id++) {
            if (onlyActive && !providers[id].isActive) continue;
            if (seen >= offset) ids[seen - offset] = id;
            seen++;
        }
    }
}
