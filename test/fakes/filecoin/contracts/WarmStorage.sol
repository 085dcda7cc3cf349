// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import "./WarmStorageMoney.sol";
import "./WarmStorageSignatures.sol";

interface IRegistry {
    function getProviderIdByAddress(address providerAddress) external view returns (uint256);
    function getProviderPayee(uint256 providerId) external view returns (address);
}

/// A fake of the Filecoin Warm Storage Service: hears from the verifier, checks what payers signed, keeps periods and rails. No CDN, no session keys.
contract FakeWarmStorage is WarmStorageMoney, WarmStorageSignatures {
    struct Creation {
        address payer;
        uint256 clientDataSetId;
        string[] keys;
        string[] values;
        bytes signature;
    }

    address public immutable pdpVerifierAddress;
    address public immutable serviceProviderRegistry;
    address public viewContractAddress;

    event DataSetCreated(
        uint256 indexed dataSetId,
        uint256 indexed providerId,
        uint256 pdpRailId,
        uint256 cacheMissRailId,
        uint256 cdnRailId,
        address payer,
        address serviceProvider,
        address payee,
        string[] metadataKeys,
        string[] metadataValues
    );
    event PieceAdded(uint256 indexed dataSetId, uint256 indexed pieceId, Cid pieceCid, string[] keys, string[] values);
    event FaultRecord(uint256 indexed dataSetId, uint256 periodsFaulted, uint256 deadline);
    event ProviderApproved(uint256 indexed providerId);
    event ProviderUnapproved(uint256 indexed providerId);
    event ViewContractSet(address indexed viewContract);

    error ChallengeWindowTooEarly(uint256 dataSetId, uint256 windowStart, uint256 nowBlock);
    error ClientDataSetAlreadyRegistered(uint256 clientDataSetId);
    error DuplicateMetadataKey(uint256 dataSetId, string key);
    error ExtraDataRequired();
    error InvalidChallengeCount(uint256 dataSetId, uint256 minExpected, uint256 actual);
    error InvalidChallengeEpoch(uint256 dataSetId, uint256 minAllowed, uint256 maxAllowed, uint256 actual);
    error MetadataArrayCountMismatch(uint256 metadataArrayCount, uint256 pieceCount);
    error MetadataKeyAndValueLengthMismatch(uint256 keysLength, uint256 valuesLength);
    error MetadataKeyExceedsMaxLength(uint256 index, uint256 maxAllowed, uint256 length);
    error MetadataValueExceedsMaxLength(uint256 index, uint256 maxAllowed, uint256 length);
    error NextProvingPeriodAlreadyCalled(uint256 dataSetId, uint256 periodDeadline, uint256 nowBlock);
    error OnlyPDPVerifierAllowed(address expected, address actual);
    error ProofAlreadySubmitted(uint256 dataSetId);
    error ProviderAlreadyApproved(uint256 providerId);
    error ProviderIdMismatchAtIndex(uint256 index, uint256 providerId);
    error ProviderNotRegistered(address provider);
    error ProvingNotStarted(uint256 dataSetId);
    error ProvingPeriodPassed(uint256 dataSetId, uint256 deadline, uint256 nowBlock);
    error TooManyMetadataKeys(uint256 maxAllowed, uint256 keysLength);

    modifier byVerifier() {
        if (msg.sender != pdpVerifierAddress) revert OnlyPDPVerifierAllowed(pdpVerifierAddress, msg.sender);
        _;
    }

    constructor(address verifier, address payments, address token, address registry) WarmStorageMoney(payments, token) {
        pdpVerifierAddress = verifier;
        serviceProviderRegistry = registry;
    }

    function setViewContract(address _viewContract) external byOwner {
        viewContractAddress = _viewContract;
        emit ViewContractSet(_viewContract);
    }

    function configureProvingPeriod(uint64 _maxProvingPeriod, uint256 _challengeWindowSize) external byOwner {
        maxProvingPeriod = _maxProvingPeriod;
        challengeWindowSize = _challengeWindowSize;
    }

    function addApprovedProvider(uint256 providerId) external byOwner {
        if (isProviderApproved(providerId)) revert ProviderAlreadyApproved(providerId);
        _approved.push(providerId);
        emit ProviderApproved(providerId);
    }

    function removeApprovedProvider(uint256 providerId, uint256 index) external byOwner {
        if (index >= _approved.length || _approved[index] != providerId) revert ProviderIdMismatchAtIndex(index, providerId);
        _approved[index] = _approved[_approved.length - 1];
        _approved.pop();
        emit ProviderUnapproved(providerId);
    }

    function dataSetCreated(uint256 dataSetId, address serviceProvider, bytes calldata extraData) external byVerifier {
        if (extraData.length == 0) revert ExtraDataRequired();
        Creation memory order;
        (order.payer, order.clientDataSetId, order.keys, order.values, order.signature) =
            abi.decode(extraData, (address, uint256, string[], string[], bytes));
        uint256 providerId = IRegistry(serviceProviderRegistry).getProviderIdByAddress(serviceProvider);
        if (providerId == 0) revert ProviderNotRegistered(serviceProvider);
        address payee = IRegistry(serviceProviderRegistry).getProviderPayee(providerId);
        _useNonce(order.payer, order.clientDataSetId, dataSetId);
        _checkCreation(order.payer, order.clientDataSetId, payee, order.keys, order.values, order.signature);
        _checkMetadata(dataSetId, order.keys, order.values, 10);
        uint256 railId = _openRail(dataSetId, order.payer, payee);
        _sets[dataSetId] = DataSetInfoView({
            pdpRailId: railId,
            cacheMissRailId: 0,
            cdnRailId: 0,
            payer: order.payer,
            payee: payee,
            serviceProvider: serviceProvider,
            commissionBps: 0,
            clientDataSetId: order.clientDataSetId,
            pdpEndEpoch: 0,
            providerId: providerId,
            dataSetId: dataSetId
        });
        _setsOf[order.payer].push(dataSetId);
        _metadata[dataSetId] = Metadata(order.keys, order.values);
        emit DataSetCreated(
            dataSetId, providerId, railId, 0, 0, order.payer, serviceProvider, payee, order.keys, order.values
        );
    }

    function piecesAdded(uint256 dataSetId, uint256 firstAdded, Cid[] calldata pieceData, bytes calldata extraData)
        external
        byVerifier
    {
        _requireNotTerminated(dataSetId);
        if (extraData.length == 0) revert ExtraDataRequired();
        address payer = _sets[dataSetId].payer;
        (uint256 nonce, string[][] memory keys, string[][] memory values, bytes memory signature) =
            abi.decode(extraData, (uint256, string[][], string[][], bytes));
        if (keys.length != pieceData.length) revert MetadataArrayCountMismatch(keys.length, pieceData.length);
        if (values.length != pieceData.length) revert MetadataArrayCountMismatch(values.length, pieceData.length);
        _useNonce(payer, nonce, dataSetId);
        _checkAddition(payer, _sets[dataSetId].clientDataSetId, nonce, pieceData, keys, values, signature);
        for (uint256 at = 0; at < pieceData.length; at++) {
            _checkMetadata(dataSetId, keys[at], values[at], 5);
            _pieceMetadata[dataSetId][firstAdded + at] = Metadata(keys[at], values[at]);
            emit PieceAdded(dataSetId, firstAdded + at, pieceData[at], keys[at], values[at]);
        }
        _setRate(dataSetId, IVerifier(pdpVerifierAddress).getDataSetLeafCount(dataSetId));
    }

    function piecesScheduledRemove(uint256 dataSetId, uint256[] calldata pieceIds, bytes calldata extraData) external byVerifier {
        _requireNotEnded(dataSetId);
        if (extraData.length == 0) revert ExtraDataRequired();
        _checkRemoval(
            _sets[dataSetId].payer, _sets[dataSetId].clientDataSetId, pieceIds, abi.decode(extraData, (bytes))
        );
    }

    function possessionProven(uint256 dataSetId, uint256, uint256, uint256 challengeCount) external byVerifier {
        _requireNotEnded(dataSetId);
        uint256 deadline = provingDeadline[dataSetId];
        if (provenThisPeriod[dataSetId]) revert ProofAlreadySubmitted(dataSetId);
        if (challengeCount < CHALLENGES_PER_PROOF) revert InvalidChallengeCount(dataSetId, CHALLENGES_PER_PROOF, challengeCount);
        if (deadline == 0) revert ProvingNotStarted(dataSetId);
        if (block.number > deadline) revert ProvingPeriodPassed(dataSetId, deadline, block.number);
        if (block.number < deadline - challengeWindowSize) {
            revert ChallengeWindowTooEarly(dataSetId, deadline - challengeWindowSize, block.number);
        }
        provenThisPeriod[dataSetId] = true;
        provenPeriods[dataSetId][getProvingPeriodForEpoch(dataSetId, block.number)] = true;
    }

    /// The only place that records faults: a provider that never calls leaves no trace.
    function nextProvingPeriod(uint256 dataSetId, uint256 challengeEpoch, uint256 leafCount, bytes calldata) external byVerifier {
        _requireNotEnded(dataSetId);
        uint256 deadline = provingDeadline[dataSetId];
        uint256 next;
        if (deadline == 0) {
            provingActivationEpoch[dataSetId] = block.number;
            next = block.number + maxProvingPeriod;
        } else {
            if (block.number <= deadline - maxProvingPeriod) {
                revert NextProvingPeriodAlreadyCalled(dataSetId, deadline, block.number);
            }
            uint256 faults = _periodsSkipped(dataSetId) + (provenThisPeriod[dataSetId] ? 0 : 1);
            next = _nextDeadline(dataSetId);
            if (faults > 0) emit FaultRecord(dataSetId, faults, deadline);
        }
        if (leafCount == 0) {
            next = 0;
            provingActivationEpoch[dataSetId] = 0;
        } else if (challengeEpoch < next - challengeWindowSize || challengeEpoch > next) {
            revert InvalidChallengeEpoch(dataSetId, next - challengeWindowSize, next, challengeEpoch);
        }
        provingDeadline[dataSetId] = next;
        provenThisPeriod[dataSetId] = false;
        if (_sets[dataSetId].pdpEndEpoch == 0) _setRate(dataSetId, leafCount);
    }

    function dataSetDeleted(uint256 dataSetId, uint256, bytes calldata) external byVerifier {
        _requireEnded(dataSetId);
        uint256[] storage ids = _setsOf[_sets[dataSetId].payer];
        for (uint256 at = 0; at < ids.length; at++) {
            if (ids[at] != dataSetId) continue;
            ids[at] = ids[ids.length - 1];
            ids.pop();
            break;
        }
        delete _metadata[dataSetId];
        delete _sets[dataSetId];
        provingDeadline[dataSetId] = 0;
        provingActivationEpoch[dataSetId] = 0;
    }

    /// Each once by a payer, for creations and additions alike.
    function _useNonce(address payer, uint256 nonce, uint256 dataSetId) private {
        if (clientNonces[payer][nonce] != 0) revert ClientDataSetAlreadyRegistered(nonce);
        clientNonces[payer][nonce] = dataSetId;
    }

    function _checkMetadata(uint256 dataSetId, string[] memory keys, string[] memory values, uint256 most) private pure {
        if (keys.length != values.length) revert MetadataKeyAndValueLengthMismatch(keys.length, values.length);
        if (keys.length > most) revert TooManyMetadataKeys(most, keys.length);
        for (uint256 at = 0; at < keys.length; at++) {
            if (bytes(keys[at]).length > 32) revert MetadataKeyExceedsMaxLength(at, 32, bytes(keys[at]).length);
            if (bytes(values[at]).length > 128) revert MetadataValueExceedsMaxLength(at, 128, bytes(values[at]).length);
            for (uint256 other = 0; other < at; other++) {
                if (keccak256(bytes(keys[other])) == keccak256(bytes(keys[at]))) revert DuplicateMetadataKey(dataSetId, keys[at]);
            }
        }
    }
}
