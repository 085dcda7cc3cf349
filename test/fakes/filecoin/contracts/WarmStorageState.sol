// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// What a fake storage service keeps, read through the state view.
abstract contract WarmStorageState {
    struct DataSetInfoView {
        uint256 pdpRailId;
        uint256 cacheMissRailId;
        uint256 cdnRailId;
        address payer;
        address payee;
        address serviceProvider;
        uint256 commissionBps;
        uint256 clientDataSetId;
        uint256 pdpEndEpoch;
        uint256 providerId;
        uint256 dataSetId;
    }

    struct Metadata {
        string[] keys;
        string[] values;
    }

    uint64 public maxProvingPeriod = 20;
    uint256 public challengeWindowSize = 5;
    uint256 internal constant CHALLENGES_PER_PROOF = 5;

    mapping(uint256 => DataSetInfoView) internal _sets;
    mapping(address => uint256[]) internal _setsOf;
    mapping(uint256 => Metadata) internal _metadata;
    mapping(uint256 => mapping(uint256 => Metadata)) internal _pieceMetadata;
    uint256[] internal _approved;

    mapping(address payer => mapping(uint256 nonce => uint256)) public clientNonces;
    mapping(uint256 railId => uint256) public railToDataSet;
    mapping(uint256 setId => uint256) public provingDeadline;
    mapping(uint256 setId => uint256) public provingActivationEpoch;
    mapping(uint256 setId => bool) public provenThisPeriod;
    mapping(uint256 setId => mapping(uint256 periodId => bool)) public provenPeriods;

    error ProvingPeriodNotInitialized(uint256 dataSetId);

    function getDataSet(uint256 dataSetId) external view returns (DataSetInfoView memory info) {
        info = _sets[dataSetId];
        info.dataSetId = dataSetId;
    }

    function clientDataSets(address payer) external view returns (uint256[] memory dataSetIds) {
        return _setsOf[payer];
    }

    function clientDataSets(address payer, uint256 offset, uint256 limit) external view returns (uint256[] memory) {
        return _slice(_setsOf[payer], offset, limit);
    }

    function getClientDataSetsLength(address payer) external view returns (uint256) {
        return _setsOf[payer].length;
    }

    function getClientDataSets(address client) external view returns (DataSetInfoView[] memory infos) {
        return _infos(_setsOf[client]);
    }

    function getClientDataSets(address client, uint256 offset, uint256 limit)
        external
        view
        returns (DataSetInfoView[] memory infos)
    {
        return _infos(_slice(_setsOf[client], offset, limit));
    }

    function getAllDataSetMetadata(uint256 dataSetId) external view returns (string[] memory keys, string[] memory values) {
        return (_metadata[dataSetId].keys, _metadata[dataSetId].values);
    }

    function getDataSetMetadata(uint256 dataSetId, string calldata key) external view returns (bool exists, string memory value) {
        return _lookUp(_metadata[dataSetId], key);
    }

    function getAllPieceMetadata(uint256 dataSetId, uint256 pieceId)
        external
        view
        returns (string[] memory keys, string[] memory values)
    {
        return (_pieceMetadata[dataSetId][pieceId].keys, _pieceMetadata[dataSetId][pieceId].values);
    }

    function getPieceMetadata(uint256 dataSetId, uint256 pieceId, string calldata key)
        external
        view
        returns (bool exists, string memory value)
    {
        return _lookUp(_pieceMetadata[dataSetId][pieceId], key);
    }

    /// 0: none, or no period has begun; 1: active, also after its termination.
    function getDataSetStatus(uint256 dataSetId) external view returns (uint8 status) {
        return _sets[dataSetId].pdpRailId == 0 || provingActivationEpoch[dataSetId] == 0 ? 0 : 1;
    }

    function getDataSetSizeInBytes(uint256 leafCount) external pure returns (uint256) {
        return leafCount * 32;
    }

    function isProviderApproved(uint256 providerId) public view returns (bool) {
        for (uint256 at = 0; at < _approved.length; at++) if (_approved[at] == providerId) return true;
        return false;
    }

    function getApprovedProviders(uint256 offset, uint256 limit) external view returns (uint256[] memory providerIds) {
        return _slice(_approved, offset, limit);
    }

    function getApprovedProvidersLength() external view returns (uint256 count) {
        return _approved.length;
    }

    function getPDPConfig()
        external
        view
        returns (uint64 maxPeriod, uint256 windowSize, uint256 challengesPerProof, uint256 initChallengeWindowStart)
    {
        return
            (maxProvingPeriod, challengeWindowSize, CHALLENGES_PER_PROOF, block.number + maxProvingPeriod - challengeWindowSize);
    }

    function nextPDPChallengeWindowStart(uint256 setId) external view returns (uint256) {
        if (provingDeadline[setId] == 0) revert ProvingPeriodNotInitialized(setId);
        return _nextDeadline(setId) - challengeWindowSize;
    }

    /// Periods end with their deadlines: (activation, activation + length] is the first.
    function getProvingPeriodForEpoch(uint256 dataSetId, uint256 epoch) public view returns (uint256) {
        uint256 activation = provingActivationEpoch[dataSetId];
        if (activation == 0 || epoch <= activation) return type(uint256).max;
        return (epoch - activation - 1) / maxProvingPeriod;
    }

    function _periodsSkipped(uint256 setId) internal view returns (uint256) {
        uint256 deadline = provingDeadline[setId];
        return block.number <= deadline ? 0 : (block.number - deadline - 1) / maxProvingPeriod;
    }

    function _nextDeadline(uint256 setId) internal view returns (uint256) {
        return provingDeadline[setId] + maxProvingPeriod * (_periodsSkipped(setId) + 1);
    }

    function _lookUp(Metadata storage metadata, string calldata key) private view returns (bool, string memory) {
        for (uint256 at = 0; at < metadata.keys.length; at++) {
            if (keccak256(bytes(metadata.keys[at])) == keccak256(bytes(key))) return (true, metadata.values[at]);
        }
        return (false, "");
    }

    function _infos(uint256[] memory ids) private view returns (DataSetInfoView[] memory infos) {
        infos = new DataSetInfoView[](ids.length);
        for (uint256 at = 0; at < ids.length; at++) {
            infos[at] = _sets[ids[at]];
            infos[at].dataSetId = ids[at];
        }
    }

    /// A limit of zero is none.
    function _slice(uint256[] storage all, uint256 offset, uint256 limit) private view returns (uint256[] memory some) {
        uint256 end = limit == 0 || offset + limit > all.length ? all.length : offset + limit;
        some = new uint256[](end > offset ? end - offset : 0);
        for (uint256 at = 0; at < some.length; at++) some[at] = all[offset + at];
    }
}
