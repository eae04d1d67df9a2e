// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

/// @title Signatures of accounts with a key and of contracts (ERC-1271)
library Signatures {
    /// @notice The signature is not this account's.
    error InvalidSignature(address signer);

    /// @dev Half of the order of secp256k1: of the two `s` that sign the same, only the lower counts.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    bytes4 private constant ERC1271_MAGIC = 0x1626ba7e;

    /// @notice Reverts unless `signature` is `signer`'s on `digest`: 65 bytes `r, s, v`, or whatever a contract at `signer` accepts.
    function check(address signer, bytes32 digest, bytes calldata signature) internal view {
        if (!isValid(signer, digest, signature)) revert InvalidSignature(signer);
    }

    function isValid(address signer, bytes32 digest, bytes calldata signature) private view returns (bool) {
        if (signer == address(0)) return false;
        if (signature.length == 65) {
            bytes32 r = bytes32(signature[:32]);
            bytes32 s = bytes32(signature[32:64]);
            if (uint256(s) <= HALF_ORDER && ecrecover(digest, uint8(signature[64]), r, s) == signer) return true;
        }
        if (signer.code.length == 0) return false;
        (bool success, bytes memory answer) =
            signer.staticcall(abi.encodeWithSelector(ERC1271_MAGIC, digest, signature));
        return success && answer.length >= 32 && abi.decode(answer, (bytes32)) == bytes32(ERC1271_MAGIC);
    }
}
