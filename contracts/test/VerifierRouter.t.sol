// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {VerifierRouter} from "../src/VerifierRouter.sol";
import {State} from "../src/types/Game.sol";
import {HashVerifier, SettlementBase} from "./SettlementBase.sol";

contract VerifierRouterTest is SettlementBase {
    function proofOf(bytes memory text) private pure returns (bytes memory) {
        return abi.encodePacked(keccak256(text));
    }

    function testOnlyTheOwner() public {
        HashVerifier other = new HashVerifier(keccak256("another model"));
        bytes memory reason = abi.encodeWithSelector(VerifierRouter.NotOwner.selector, stranger);
        vm.prank(stranger);
        vm.expectRevert(reason);
        router.register(other);
        vm.prank(stranger);
        vm.expectRevert(reason);
        router.freeze(MODEL);
        vm.prank(stranger);
        vm.expectRevert(reason);
        router.nameOwner(stranger);
        router.nameOwner(player);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.NotNextOwner.selector, stranger));
        router.acceptOwner();
        vm.prank(player);
        router.acceptOwner();
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.NotOwner.selector, address(this)));
        router.register(other);
        vm.prank(player);
        router.register(other);
    }

    function testAVerifierIsNeverReplaced() public {
        HashVerifier twin = new HashVerifier(MODEL);
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.AlreadyRegistered.selector, MODEL));
        router.register(twin);
        router.freeze(MODEL);
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.AlreadyRegistered.selector, MODEL));
        router.register(twin);
        vm.expectRevert(
            abi.encodeWithSelector(VerifierRouter.WrongStatus.selector, MODEL, VerifierRouter.Status.Frozen)
        );
        router.freeze(MODEL);
    }

    function testVerify() public {
        bytes memory text = statement(first(), "e2e4", element(1));
        router.verify(text, proofOf(text));
        vm.expectRevert(abi.encodeWithSelector(HashVerifier.NotTheStatementsHash.selector));
        router.verify(text, "no proof");
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.NotAttested.selector, keccak256(text)));
        router.verify(text, "");
        router.attest(text, proofOf(text));
        router.verify(text, "");
        text[0] ^= 0x01;
        vm.expectPartialRevert(VerifierRouter.UnknownModel.selector);
        router.verify(text, proofOf(text));
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.MalformedStatement.selector, 5));
        router.verify("short", "");
    }

    function testTwoAnswersStopTheVerifier() public {
        bytes memory one = statement(first(), "e2e4", element(1));
        bytes memory other = statement(first(), "d2d4", element(1));
        router.attest(one, proofOf(one));
        // The same again, or the same move from another seed, is no contradiction.
        router.attest(one, proofOf(one));
        bytes memory elsewhere = statement(first(), "d2d4", element(2));
        router.attest(elsewhere, proofOf(elsewhere));
        vm.assertTrue(!router.isStopped(MODEL));
        // Only a proof stops it.
        vm.expectRevert(abi.encodeWithSelector(HashVerifier.NotTheStatementsHash.selector));
        router.attest(other, proofOf(one));
        router.attest(other, proofOf(other));
        vm.assertTrue(router.isStopped(MODEL));
        vm.assertTrue(!router.attested(keccak256(other)));
        bytes memory reason =
            abi.encodeWithSelector(VerifierRouter.WrongStatus.selector, MODEL, VerifierRouter.Status.Stopped);
        vm.expectRevert(reason);
        router.verify(one, proofOf(one));
        vm.expectRevert(reason);
        router.verify(one, "");
        vm.expectRevert(reason);
        router.attest(one, proofOf(one));
    }

    function testOnlyWholeStatementsAreAttested() public {
        bytes memory text = statement(first(), "e2e4", element(1));
        bytes memory two = bytes.concat(text);
        two[65] = 0x02;
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.MalformedStatement.selector, two.length));
        router.attest(two, proofOf(two));
        bytes memory long = bytes.concat(text, hex"00");
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.MalformedStatement.selector, long.length));
        router.attest(long, proofOf(long));
        bytes memory short = new bytes(text.length - 1);
        for (uint256 index = 0; index < short.length; ++index) {
            short[index] = text[index];
        }
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.MalformedStatement.selector, short.length));
        router.attest(short, proofOf(short));
        bytes memory none = bytes.concat(text);
        none[65] = 0;
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.MalformedStatement.selector, none.length));
        router.attest(none, proofOf(none));
        // Values add twelve bytes, and are part of the answer.
        bytes memory values = bytes.concat(text, bytes12(uint96(7)));
        values[67] = 0x01;
        router.attest(values, proofOf(values));
        bytes memory otherValues = bytes.concat(text, bytes12(uint96(8)));
        otherValues[67] = 0x01;
        router.attest(otherValues, proofOf(otherValues));
        vm.assertTrue(router.isStopped(MODEL));
    }
}
