// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import "./PieceCids.sol";

/// What a fake PDP verifier keeps of data sets and pieces, and how it is read.
abstract contract PdpPieces {
    using PieceCids for Cid;

    struct PieceIdAndOffset {
        uint256 pieceId;
        uint256 offset;
    }

    struct DataSet {
        address provider;
        address listener;
        uint256 leafCount;
        uint256 challengeRange;
        uint256 nextChallengeEpoch;
        uint256 lastProvenEpoch;
        uint256[] removals;
        Cid[] cids;
        uint256[] leafCounts;
    }

    uint256 internal _lastSet;
    mapping(uint256 => DataSet) internal _sets;

    modifier whileLive(uint256 setId) {
        require(dataSetLive(setId), "Data set not live");
        _;
    }

    function dataSetLive(uint256 setId) public view returns (bool) {
        return _sets[setId].provider != address(0);
    }

    function getNextDataSetId() external view returns (uint64) {
        return uint64(_lastSet + 1);
    }

    function getNextPieceId(uint256 setId) external view whileLive(setId) returns (uint256) {
        return _sets[setId].cids.length;
    }

    function getDataSetLeafCount(uint256 setId) external view whileLive(setId) returns (uint256) {
        return _sets[setId].leafCount;
    }

    function getChallengeRange(uint256 setId) external view whileLive(setId) returns (uint256) {
        return _sets[setId].challengeRange;
    }

    function getNextChallengeEpoch(uint256 setId) external view whileLive(setId) returns (uint256) {
        return _sets[setId].nextChallengeEpoch;
    }

    function getDataSetLastProvenEpoch(uint256 setId) external view whileLive(setId) returns (uint256) {
        return _sets[setId].lastProvenEpoch;
    }

    function getDataSetListener(uint256 setId) external view whileLive(setId) returns (address) {
        return _sets[setId].listener;
    }

    function getDataSetStorageProvider(uint256 setId) external view whileLive(setId) returns (address, address) {
        return (_sets[setId].provider, address(0));
    }

    function getScheduledRemovals(uint256 setId) external view whileLive(setId) returns (uint256[] memory) {
        return _sets[setId].removals;
    }

    function pieceLive(uint256 setId, uint256 pieceId) public view returns (bool) {
        return dataSetLive(setId) && pieceId < _sets[setId].cids.length && _sets[setId].leafCounts[pieceId] > 0;
    }

    /// Whole in the challenge range: pieces that were added since the period began are not.
    function pieceChallengable(uint256 setId, uint256 pieceId) external view returns (bool) {
        if (!pieceLive(setId, pieceId)) return false;
        uint256 end = 0;
        for (uint256 id = 0; id <= pieceId; id++) end += _sets[setId].leafCounts[id];
        return end <= _sets[setId].challengeRange;
    }

    function getPieceCid(uint256 setId, uint256 pieceId) external view whileLive(setId) returns (Cid memory) {
        return pieceLive(setId, pieceId) ? _sets[setId].cids[pieceId] : Cid("");
    }

    function getPieceLeafCount(uint256 setId, uint256 pieceId) external view whileLive(setId) returns (uint256) {
        return pieceLive(setId, pieceId) ? _sets[setId].leafCounts[pieceId] : 0;
    }

    function getActivePieceCount(uint256 setId) external view whileLive(setId) returns (uint256 activeCount) {
        for (uint256 id = 0; id < _sets[setId].cids.length; id++) if (pieceLive(setId, id)) activeCount++;
    }

    function getActivePieces(uint256 setId, uint256 offset, uint256 limit)
        external
        view
        whileLive(setId)
        returns (Cid[] memory pieces, uint256[] memory pieceIds, bool hasMore)
    {
        return _page(setId, 0, offset, limit);
    }

    function getActivePiecesByCursor(uint256 setId, uint256 startPieceId, uint256 limit)
        external
        view
        whileLive(setId)
        returns (Cid[] memory pieces, uint256[] memory pieceIds, bool hasMore)
    {
        return _page(setId, startPieceId, 0, limit);
    }

    function findPieceIdsByCid(uint256 setId, Cid calldata pieceCid, uint256 startPieceId, uint256 limit)
        external
        view
        whileLive(setId)
        returns (uint256[] memory pieceIds)
    {
        require(limit > 0, "Limit must be greater than 0");
        uint256[] memory found = new uint256[](_sets[setId].cids.length);
        uint256 count = 0;
        for (uint256 id = startPieceId; id < found.length && count < limit; id++) {
            if (pieceLive(setId, id) && keccak256(_sets[setId].cids[id].data) == keccak256(pieceCid.data)) found[count++] = id;
        }
        return _first(found, count);
    }

    function findPieceIds(uint256 setId, uint256[] calldata leafIndexs)
        external
        view
        whileLive(setId)
        returns (PieceIdAndOffset[] memory places)
    {
        places = new PieceIdAndOffset[](leafIndexs.length);
        for (uint256 at = 0; at < places.length; at++) places[at] = _place(setId, leafIndexs[at]);
    }

    function _place(uint256 setId, uint256 leaf) internal view returns (PieceIdAndOffset memory) {
        require(leaf < _sets[setId].leafCount, "Leaf index out of bounds");
        uint256 id = 0;
        for (; leaf >= _sets[setId].leafCounts[id]; id++) leaf -= _sets[setId].leafCounts[id];
        return PieceIdAndOffset(id, leaf);
    }

    function _page(uint256 setId, uint256 start, uint256 skip, uint256 limit)
        private
        view
        returns (Cid[] memory pieces, uint256[] memory pieceIds, bool hasMore)
    {
        require(limit > 0, "Limit must be greater than 0");
        uint256[] memory found = new uint256[](_sets[setId].cids.length);
        uint256 count = 0;
        for (uint256 id = start; id < found.length && !hasMore; id++) {
            if (!pieceLive(setId, id)) continue;
            if (skip > 0) skip--;
            else if (count == limit) hasMore = true;
            else found[count++] = id;
        }
        pieceIds = _first(found, count);
        pieces = new Cid[](count);
        for (uint256 at = 0; at < count; at++) pieces[at] = _sets[setId].cids[pieceIds[at]];
    }

    function _first(uint256[] memory all, uint256 count) private pure returns (uint256[] memory some) {
        some = new uint256[](count);
        for (uint256 at = 0; at < count; at++) some[at] = all[at];
    }
}
