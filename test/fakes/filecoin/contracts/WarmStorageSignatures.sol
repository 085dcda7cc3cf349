// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import "./PieceCids.sol";

/// What payers sign for a fake storage service, by EIP-712.
abstract contract WarmStorageSignatures {
    string private constant ENTRY = "MetadataEntry(string key,string value)";
    string private constant CID = "Cid(bytes data)";
    string private constant PIECE = "PieceMetadata(uint256 pieceIndex,MetadataEntry[] metadata)";

    error InvalidSignature(address expected, address actual);
    error InvalidSignatureLength(uint256 expectedLength, uint256 actualLength);
    error UnsupportedSignatureV(uint8 v);

    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (hex"0f", "FilecoinWarmStorageService", "1", block.chainid, address(this), bytes32(0), new uint256[](0));
    }

    function _checkCreation(
        address payer,
        uint256 clientDataSetId,
        address payee,
        string[] memory keys,
        string[] memory values,
        bytes memory signature
    ) internal view {
        bytes32 type_ = keccak256(
            abi.encodePacked("CreateDataSet(uint256 clientDataSetId,address payee,MetadataEntry[] metadata)", ENTRY)
        );
        _check(payer, keccak256(abi.encode(type_, clientDataSetId, payee, _hashEntries(keys, values))), signature);
    }

    function _checkAddition(
        address payer,
        uint256 clientDataSetId,
        uint256 nonce,
        Cid[] calldata pieces,
        string[][] memory keys,
        string[][] memory values,
        bytes memory signature
    ) internal view {
        bytes32 type_ = keccak256(
            abi.encodePacked(
                "AddPieces(uint256 clientDataSetId,uint256 nonce,Cid[] pieceData,PieceMetadata[] pieceMetadata)", CID, ENTRY, PIECE
            )
        );
        bytes32 hash =
            keccak256(abi.encode(type_, clientDataSetId, nonce, _hashCids(pieces), _hashPieceMetadata(keys, values)));
        _check(payer, hash, signature);
    }

    function _checkRemoval(address payer, uint256 clientDataSetId, uint256[] calldata pieceIds, bytes memory signature)
        internal
        view
    {
        bytes32 type_ = keccak256("SchedulePieceRemovals(uint256 clientDataSetId,uint256[] pieceIds)");
        _check(payer, keccak256(abi.encode(type_, clientDataSetId, keccak256(abi.encodePacked(pieceIds)))), signature);
    }

    function _hashCids(Cid[] calldata pieces) private pure returns (bytes32) {
        bytes32 type_ = keccak256(bytes(CID));
        bytes32[] memory hashes = new bytes32[](pieces.length);
        for (uint256 at = 0; at < hashes.length; at++) hashes[at] = keccak256(abi.encode(type_, keccak256(pieces[at].data)));
        return keccak256(abi.encodePacked(hashes));
    }

    function _hashPieceMetadata(string[][] memory keys, string[][] memory values) private pure returns (bytes32) {
        bytes32 type_ = keccak256(abi.encodePacked(PIECE, ENTRY));
        bytes32[] memory hashes = new bytes32[](keys.length);
        for (uint256 at = 0; at < hashes.length; at++) {
            hashes[at] = keccak256(abi.encode(type_, at, _hashEntries(keys[at], values[at])));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    function _hashEntries(string[] memory keys, string[] memory values) private pure returns (bytes32) {
        bytes32 type_ = keccak256(bytes(ENTRY));
        bytes32[] memory hashes = new bytes32[](keys.length);
        for (uint256 at = 0; at < hashes.length; at++) {
            hashes[at] = keccak256(abi.encode(type_, keccak256(bytes(keys[at])), keccak256(bytes(values[at]))));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    function _check(address payer, bytes32 order, bytes memory signature) private view {
        if (signature.length != 65) revert InvalidSignatureLength(65, signature.length);
        bytes32 r;
        bytes32 s;
        uint8 v = uint8(signature[64]);
        assembly ("memory-safe") {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        if (v != 27 && v != 28) revert UnsupportedSignatureV(v);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("FilecoinWarmStorageService"),
                keccak256("1"),
                block.chainid,
                address(this)
            )
        );
        address signer = ecrecover(keccak256(abi.encodePacked(hex"1901", domain, order)), v, r, s);
        if (signer != payer) revert InvalidSignature(payer, signer);
    }
}
