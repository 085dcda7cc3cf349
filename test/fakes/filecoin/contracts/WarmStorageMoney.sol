// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import "./WarmStorageState.sol";

interface IPay {
    function createRail(address token, address from, address to, address validator, uint256 bps, address feeRecipient)
        external
        returns (uint256);
    function modifyRailLockup(uint256 railId, uint256 period, uint256 lockupFixed) external;
    function modifyRailPayment(uint256 railId, uint256 newRate, uint256 oneTimePayment) external;
    function terminateRail(uint256 railId) external;
    function getAccountInfoIfSettled(address token, address owner) external view returns (uint256, uint256, uint256, uint256);
    function operatorApprovals(address token, address client, address operator)
        external
        view
        returns (bool, uint256, uint256, uint256, uint256, uint256);
}

interface IVerifier {
    function getDataSetLeafCount(uint256 setId) external view returns (uint256);
}

/// Prices and rails of a fake storage service: by size, with a least price, thirty days locked up ahead.
abstract contract WarmStorageMoney is WarmStorageState {
    struct ServicePricing {
        uint256 pricePerTiBPerMonthNoCDN;
        uint256 pricePerTiBCdnEgress;
        uint256 pricePerTiBCacheMissEgress;
        address tokenAddress;
        uint256 epochsPerMonth;
        uint256 minimumPricePerMonth;
    }

    struct ApprovalView {
        bool isApproved;
        uint256 rateAllowance;
        uint256 lockupAllowance;
        uint256 rateUsage;
        uint256 lockupUsage;
        uint256 maxLockupPeriod;
    }

    uint256 private constant EPOCHS_PER_MONTH = 86_400;
    uint256 private constant LOCKUP_PERIOD = 86_400;

    address public immutable owner = msg.sender;
    address public immutable paymentsContractAddress;
    address public immutable usdfcTokenAddress;
    address public constant sessionKeyRegistry = address(0);
    address public constant filBeamBeneficiaryAddress = address(0);
    uint256 private _pricePerTiBMonth = 2.5 ether;
    uint256 private _leastPerMonth = 0.06 ether;

    event PricingUpdated(uint256 storagePrice, uint256 minimumRate);
    event RailRateUpdated(uint256 indexed dataSetId, uint256 railId, uint256 newRate);
    event ServiceTerminated(
        address indexed caller, uint256 indexed dataSetId, uint256 pdpRailId, uint256 cacheMissRailId, uint256 cdnRailId
    );
    event PDPPaymentTerminated(uint256 indexed dataSetId, uint256 endEpoch, uint256 pdpRailId);

    error CallerNotPayerOrPayee(uint256 dataSetId, address expectedPayer, address expectedPayee, address caller);
    error CallerNotPayments(address expected, address actual);
    error DataSetPaymentAlreadyTerminated(uint256 dataSetId);
    error DataSetPaymentBeyondEndEpoch(uint256 dataSetId, uint256 pdpEndEpoch, uint256 currentBlock);
    error InsufficientLockupAllowance(
        address payer, address operator, uint256 lockupAllowance, uint256 lockupUsage, uint256 minimumLockupRequired
    );
    error InsufficientLockupFunds(address payer, uint256 minimumRequired, uint256 available);
    error InsufficientMaxLockupPeriod(address payer, address operator, uint256 maxLockupPeriod, uint256 requiredLockupPeriod);
    error InsufficientRateAllowance(
        address payer, address operator, uint256 rateAllowance, uint256 rateUsage, uint256 minimumRateRequired
    );
    error InvalidDataSetId(uint256 dataSetId);
    error OperatorNotApproved(address payer, address operator);
    error OwnableUnauthorizedAccount(address account);
    error PaymentRailsNotFinalized(uint256 dataSetId, uint256 pdpEndEpoch);
    error ServiceContractMustTerminateRail();

    modifier byOwner() {
        if (msg.sender != owner) revert OwnableUnauthorizedAccount(msg.sender);
        _;
    }

    constructor(address payments, address token) {
        paymentsContractAddress = payments;
        usdfcTokenAddress = token;
    }

    function updatePricing(uint256 newStoragePrice, uint256 newMinimumRate) external byOwner {
        _pricePerTiBMonth = newStoragePrice;
        _leastPerMonth = newMinimumRate;
        emit PricingUpdated(newStoragePrice, newMinimumRate);
    }

    function getServicePrice() external view returns (ServicePricing memory pricing) {
        return ServicePricing(_pricePerTiBMonth, 7 ether, 7 ether, usdfcTokenAddress, EPOCHS_PER_MONTH, _leastPerMonth);
    }

    function getCurrentPricingRates() external view returns (uint256 storagePrice, uint256 minimumRate) {
        return (_pricePerTiBMonth, _leastPerMonth);
    }

    function calculateRatePerEpoch(uint256 totalBytes) public view returns (uint256 storageRate) {
        uint256 bySize = (totalBytes * _pricePerTiBMonth) / (EPOCHS_PER_MONTH * 2 ** 40);
        uint256 least = _leastPerMonth / EPOCHS_PER_MONTH;
        return bySize > least ? bySize : least;
    }

    function terminateService(uint256 dataSetId) external {
        _requireNotTerminated(dataSetId);
        DataSetInfoView storage set = _sets[dataSetId];
        if (msg.sender != set.payer && msg.sender != set.serviceProvider) {
            revert CallerNotPayerOrPayee(dataSetId, set.payer, set.serviceProvider, msg.sender);
        }
        IPay(paymentsContractAddress).terminateRail(set.pdpRailId);
        emit ServiceTerminated(msg.sender, dataSetId, set.pdpRailId, 0, 0);
    }

    function railTerminated(uint256 railId, address terminator, uint256 endEpoch) external {
        if (msg.sender != paymentsContractAddress) revert CallerNotPayments(paymentsContractAddress, msg.sender);
        if (terminator != address(this)) revert ServiceContractMustTerminateRail();
        uint256 dataSetId = railToDataSet[railId];
        _sets[dataSetId].pdpEndEpoch = endEpoch;
        emit PDPPaymentTerminated(dataSetId, endEpoch, railId);
    }

    function _openRail(uint256 dataSetId, address payer, address payee) internal returns (uint256 railId) {
        _requireMoney(payer);
        IPay pay = IPay(paymentsContractAddress);
        railId = pay.createRail(usdfcTokenAddress, payer, payee, address(this), 0, address(0));
        pay.modifyRailLockup(railId, LOCKUP_PERIOD, 0);
        railToDataSet[railId] = dataSetId;
    }

    function _setRate(uint256 dataSetId, uint256 leafCount) internal {
        uint256 rate = leafCount == 0 ? 0 : calculateRatePerEpoch(leafCount * 32);
        IPay(paymentsContractAddress).modifyRailPayment(_sets[dataSetId].pdpRailId, rate, 0);
        emit RailRateUpdated(dataSetId, _sets[dataSetId].pdpRailId, rate);
    }

    function _requireNotTerminated(uint256 dataSetId) internal view {
        if (_sets[dataSetId].pdpRailId == 0) revert InvalidDataSetId(dataSetId);
        if (_sets[dataSetId].pdpEndEpoch != 0) revert DataSetPaymentAlreadyTerminated(dataSetId);
    }

    function _requireNotEnded(uint256 dataSetId) internal view {
        uint256 end = _sets[dataSetId].pdpEndEpoch;
        if (end != 0 && block.number > end) revert DataSetPaymentBeyondEndEpoch(dataSetId, end, block.number);
    }

    function _requireEnded(uint256 dataSetId) internal view {
        uint256 end = _sets[dataSetId].pdpEndEpoch;
        if (end == 0 || block.number <= end) revert PaymentRailsNotFinalized(dataSetId, end);
    }

    /// For the least that a data set costs.
    function _requireMoney(address payer) private view {
        uint256 rate = _leastPerMonth / EPOCHS_PER_MONTH;
        uint256 lockup = (_leastPerMonth * LOCKUP_PERIOD) / EPOCHS_PER_MONTH;
        (,, uint256 available,) = IPay(paymentsContractAddress).getAccountInfoIfSettled(usdfcTokenAddress, payer);
        if (available < lockup) revert InsufficientLockupFunds(payer, lockup, available);
        ApprovalView memory approval;
        (
            approval.isApproved,
            approval.rateAllowance,
            approval.lockupAllowance,
            approval.rateUsage,
            approval.lockupUsage,
            approval.maxLockupPeriod
        ) = IPay(paymentsContractAddress).operatorApprovals(usdfcTokenAddress, payer, address(this));
        if (!approval.isApproved) revert OperatorNotApproved(payer, address(this));
        if (approval.rateAllowance < approval.rateUsage + rate) {
            revert InsufficientRateAllowance(payer, address(this), approval.rateAllowance, approval.rateUsage, rate);
        }
        if (approval.lockupAllowance < approval.lockupUsage + lockup) {
            revert InsufficientLockupAllowance(payer, address(this), approval.lockupAllowance, approval.lockupUsage, lockup);
        }
        if (approval.maxLockupPeriod < LOCKUP_PERIOD) {
            revert InsufficientMaxLockupPeriod(payer, address(this), approval.maxLockupPeriod, LOCKUP_PERIOD);
        }
    }
}
