// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import "./PdpPieces.sol";

interface IListener {
    function dataSetCreated(uint256 dataSetId, address serviceProvider, bytes calldata extraData) external;
    function dataSetDeleted(uint256 dataSetId, uint256 leafCount, bytes calldata extraData) external;
    function piecesAdded(uint256 dataSetId, uint256 firstAdded, Cid[] calldata pieceData, bytes calldata extraData) external;
    function piecesScheduledRemove(uint256 dataSetId, uint256[] calldata pieceIds, bytes calldata extraData) external;
    function possessionProven(uint256 dataSetId, uint256 leafCount, uint256 seed, uint256 challengeCount) external;
    function nextProvingPeriod(uint256 dataSetId, uint256 challengeEpoch, uint256 leafCount, bytes calldata extraData) external;
}

/// A fake of the PDP verifier: challenges come from the chain, proofs are checked on it. No fees, no hand-over to another provider.
contract FakePdpVerifier is PdpPieces {
    using PieceCids for Cid;

    struct Proof {
        bytes32 leaf;
        bytes32[] proof;
    }

    uint256 public constant MAX_ENQUEUED_REMOVALS = 2000;
    uint256 public constant MAX_PIECE_SIZE_LOG2 = 50;
    uint256 public constant NO_CHALLENGE_SCHEDULED = 0;
    uint256 public constant NO_PROVEN_EPOCH = 0;
    uint256 private constant CHALLENGE_FINALITY = 2;

    event DataSetCreated(uint256 indexed setId, address indexed storageProvider);
    event DataSetDeleted(uint256 indexed setId, uint256 deletedLeafCount);
    event DataSetEmpty(uint256 indexed setId);
    event PiecesAdded(uint256 indexed setId, uint256[] pieceIds, Cid[] pieceCids);
    event PiecesRemoved(uint256 indexed setId, uint256[] pieceIds);
    event NextProvingPeriod(uint256 indexed setId, uint256 challengeEpoch, uint256 leafCount);
    event PossessionProven(uint256 indexed setId, PieceIdAndOffset[] challenges);

    modifier byProvider(uint256 setId) {
        require(dataSetLive(setId), "Data set not live");
        require(msg.sender == _sets[setId].provider, "Only the storage provider can do this");
        _;
    }

    function getChallengeFinality() external pure returns (uint256) {
        return CHALLENGE_FINALITY;
    }

    /// Of the block before: the hash of the epoch's own is not known to what is mined in it. Hashes are kept for 256 blocks.
    function getRandomness(uint256 epoch) public view returns (uint256) {
        require(epoch > 0 && epoch <= block.number, "epoch in the future");
        return uint256(keccak256(abi.encodePacked(blockhash(epoch - 1), epoch)));
    }

    function createDataSet(address listenerAddr, bytes calldata extraData) external payable returns (uint256) {
        return _create(listenerAddr, extraData);
    }

    function addPieces(uint256 setId, address listenerAddr, Cid[] calldata pieceData, bytes calldata extraData)
        external
        payable
        returns (uint256)
    {
        if (setId != 0) {
            require(listenerAddr == address(0), "listener must be zero for existing dataset");
            return _add(setId, pieceData, extraData);
        }
        require(listenerAddr != address(0), "listener required for new dataset");
        (bytes memory creation, bytes memory addition) = abi.decode(extraData, (bytes, bytes));
        uint256 created = _create(listenerAddr, creation);
        if (pieceData.length > 0) _add(created, pieceData, addition);
        return created;
    }

    function schedulePieceDeletions(uint256 setId, uint256[] calldata pieceIds, bytes calldata extraData)
        external
        byProvider(setId)
    {
        uint256[] storage removals = _sets[setId].removals;
        require(pieceIds.length + removals.length <= MAX_ENQUEUED_REMOVALS, "Too many removals wait for next proving period to schedule");
        for (uint256 at = 0; at < pieceIds.length; at++) {
            require(pieceLive(setId, pieceIds[at]), "Can only schedule removal of live pieces");
            for (uint256 other = 0; other < removals.length; other++) {
                require(removals[other] != pieceIds[at], "Piece ID already scheduled for removal");
            }
            removals.push(pieceIds[at]);
        }
        if (_sets[setId].listener != address(0)) {
            IListener(_sets[setId].listener).piecesScheduledRemove(setId, pieceIds, extraData);
        }
    }

    function deleteDataSet(uint256 setId, bytes calldata extraData) external byProvider(setId) {
        uint256 leafCount = _sets[setId].leafCount;
        address listener = _sets[setId].listener;
        delete _sets[setId];
        if (listener != address(0)) IListener(listener).dataSetDeleted(setId, leafCount, extraData);
        emit DataSetDeleted(setId, leafCount);
    }

    function provePossession(uint256 setId, Proof[] calldata proofs) external payable byProvider(setId) {
        DataSet storage set = _sets[setId];
        require(proofs.length > 0, "empty proof");
        require(set.nextChallengeEpoch != NO_CHALLENGE_SCHEDULED, "no challenge scheduled");
        require(block.number >= set.nextChallengeEpoch, "premature proof");
        uint256 seed = getRandomness(set.nextChallengeEpoch);
        PieceIdAndOffset[] memory challenges = new PieceIdAndOffset[](proofs.length);
        for (uint64 at = 0; at < proofs.length; at++) {
            uint256 leaf = uint256(keccak256(abi.encodePacked(seed, setId, at))) % set.challengeRange;
            challenges[at] = _place(setId, leaf);
            Cid memory cid = set.cids[challenges[at].pieceId];
            require(cid.isUnder(proofs[at].leaf, challenges[at].offset, proofs[at].proof), "proof did not verify");
        }
        set.lastProvenEpoch = block.number;
        if (set.listener != address(0)) {
            IListener(set.listener).possessionProven(setId, set.leafCount, seed, proofs.length);
        }
        emit PossessionProven(setId, challenges);
    }

    /// Takes scheduled pieces out and those added since in, and sets the next challenge.
    function nextProvingPeriod(uint256 setId, uint256 challengeEpoch, bytes calldata extraData) external byProvider(setId) {
        DataSet storage set = _sets[setId];
        require(set.leafCount > 0, "can only start proving once leaves are added");
        if (set.removals.length > 0) _remove(setId);
        set.challengeRange = set.leafCount;
        require(challengeEpoch >= block.number + CHALLENGE_FINALITY, "challenge epoch must be at least challengeFinality epochs in the future");
        set.nextChallengeEpoch = challengeEpoch;
        if (set.leafCount == 0) {
            emit DataSetEmpty(setId);
            set.nextChallengeEpoch = NO_CHALLENGE_SCHEDULED;
        }
        if (set.listener != address(0)) {
            IListener(set.listener).nextProvingPeriod(setId, set.nextChallengeEpoch, set.leafCount, extraData);
        }
        emit NextProvingPeriod(setId, set.nextChallengeEpoch, set.leafCount);
    }

    function _create(address listener, bytes memory extraData) private returns (uint256 setId) {
        setId = ++_lastSet;
        DataSet storage set = _sets[setId];
        set.provider = msg.sender;
        set.listener = listener;
        set.lastProvenEpoch = block.number;
        if (listener != address(0)) IListener(listener).dataSetCreated(setId, msg.sender, extraData);
        emit DataSetCreated(setId, msg.sender);
    }

    function _add(uint256 setId, Cid[] calldata pieceData, bytes memory extraData)
        private
        byProvider(setId)
        returns (uint256 firstAdded)
    {
        DataSet storage set = _sets[setId];
        require(pieceData.length > 0, "Must add at least one piece");
        firstAdded = set.cids.length;
        uint256[] memory pieceIds = new uint256[](pieceData.length);
        for (uint256 at = 0; at < pieceData.length; at++) {
            Cid memory cid = pieceData[at];
            uint256 leafCount = cid.leafCount();
            set.cids.push(cid);
            set.leafCounts.push(leafCount);
            set.leafCount += leafCount;
            pieceIds[at] = firstAdded + at;
        }
        emit PiecesAdded(setId, pieceIds, pieceData);
        if (set.listener != address(0)) IListener(set.listener).piecesAdded(setId, firstAdded, pieceData, extraData);
    }

    function _remove(uint256 setId) private {
        DataSet storage set = _sets[setId];
        uint256[] memory removed = set.removals;
        delete set.removals;
        for (uint256 at = 0; at < removed.length; at++) {
            set.leafCount -= set.leafCounts[removed[at]];
            set.leafCounts[removed[at]] = 0;
            delete set.cids[removed[at]];
        }
        emit PiecesRemoved(setId, removed);
    }
}
