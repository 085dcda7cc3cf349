// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

struct Cid {
    bytes data;
}

/// Reads piece CIDs v2 (FRC-0069): 01 55 91 20, length, varint padding, height, 32 bytes of root.
library PieceCids {
    uint256 private constant PREFIX = 0x01559120;

    function root(Cid memory cid) internal pure returns (bytes32 digest) {
        bytes memory bytes_ = cid.data;
        assembly ("memory-safe") {
            digest := mload(add(bytes_, mload(bytes_)))
        }
    }

    function height(Cid memory cid) internal pure returns (uint8) {
        return uint8(cid.data[cid.data.length - 33]);
    }

    /// Leaves with payload in them; reverts on what is no piece CID v2.
    function leafCount(Cid memory cid) internal pure returns (uint256) {
        require(cid.data.length >= 39 && cid.data.length <= 48, "Cid data is too short");
        uint256 prefix;
        for (uint256 at = 0; at < 4; at++) prefix = (prefix << 8) | uint8(cid.data[at]);
        require(prefix == PREFIX, "Cid must be CommPv2");
        require(uint8(cid.data[4]) == cid.data.length - 5, "CommPv2 length mismatch");
        uint256 padding;
        for (uint256 at = 5; at < cid.data.length - 33; at++) padding |= uint256(uint8(cid.data[at]) & 0x7f) << (7 * (at - 5));
        uint256 leaves = 1 << height(cid);
        uint256 empty = (padding * 128) / 127 / 32;
        require(height(cid) <= 50 && empty < leaves, "Padding is too large");
        return leaves - empty;
    }

    /// The leaf at an offset is under the root; nodes are SHA-256 with the top two bits of the last byte cleared.
    function isUnder(Cid memory cid, bytes32 leaf, uint256 offset, bytes32[] calldata path) internal pure returns (bool) {
        if (path.length != height(cid)) return false;
        bytes32 node = leaf;
        for (uint256 level = 0; level < path.length; level++) {
            node = (offset >> level) & 1 == 0 ? _parent(node, path[level]) : _parent(path[level], node);
        }
        return node == root(cid);
    }

    function _parent(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return sha256(abi.encodePacked(left, right)) & bytes32(~uint256(0xc0));
    }
}
