// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Settlement} from "../src/Settlement.sol";
import {VerifierRouter} from "../src/VerifierRouter.sol";
import {Rules} from "../src/libraries/Rules.sol";
import {Signatures} from "../src/libraries/Signatures.sol";
import {Claim, Evidence, Games, Offer, Outcome, State} from "../src/types/Game.sol";
import {Move} from "../src/types/Move.sol";
import {Notation} from "./Notation.sol";
import {HashVerifier, SettlementBase} from "./SettlementBase.sol";

/// @notice Opening, peace and money.
contract SettlementTest is SettlementBase {
    function testOpenAndSettle() public {
        bytes memory signature = sign(OPERATOR_KEY, id);
        vm.prank(player);
        settlement.open{value: 1.1 ether}(offer, signature, NONCE);
        vm.snapshotGasLastCall("Settlement", "open");
        vm.assertEq(settlement.balances(operator), 47.9 ether);
        signature = signResult(OPERATOR_KEY, Outcome.PlayerWins);
        vm.prank(player);
        settlement.settle(offer, Outcome.PlayerWins, "", signature);
        vm.snapshotGasLastCall("Settlement", "settle, the loser's signature");
        assertFinal(3.1 ether, 48 ether);
        vm.prank(player);
        settlement.withdraw(3.1 ether, payable(player));
        vm.assertEq(player.balance, 102 ether);
    }

    function testResignation() public {
        open();
        vm.prank(player);
        settlement.settle(offer, Outcome.OperatorWins, "", "");
        assertFinal(0.1 ether, 51 ether);
    }

    function testDrawNeedsBoth() public {
        open();
        bytes memory players = signResult(PLAYER_KEY, Outcome.Draw);
        bytes memory operators = signResult(OPERATOR_KEY, Outcome.Draw);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, operator));
        settlement.settle(offer, Outcome.Draw, players, players);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, player));
        settlement.settle(offer, Outcome.Draw, operators, operators);
        settlement.settle(offer, Outcome.Draw, players, operators);
        vm.snapshotGasLastCall("Settlement", "settle, draw");
        assertFinal(1.1 ether, 50 ether);
    }

    function testNobodyWinsByItsOwnSignature() public {
        open();
        bytes memory players = signResult(PLAYER_KEY, Outcome.PlayerWins);
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, operator));
        settlement.settle(offer, Outcome.PlayerWins, players, players);
        bytes memory operators = signResult(OPERATOR_KEY, Outcome.OperatorWins);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, player));
        settlement.settle(offer, Outcome.OperatorWins, operators, operators);
        // Consent to one result is none to another.
        operators = signResult(OPERATOR_KEY, Outcome.Draw);
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, operator));
        settlement.settle(offer, Outcome.PlayerWins, "", operators);
    }

    function testOpenRefusals() public {
        bytes memory signature = sign(OPERATOR_KEY, id);
        vm.deal(address(this), 10 ether);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongCaller.selector, address(this)));
        settlement.open{value: 1.1 ether}(offer, signature, NONCE);
        expectOpenFails(1 ether, abi.encodeWithSelector(Settlement.WrongValue.selector, 1.1 ether, 1 ether), signature);
        expectOpenFails(
            1.1 ether, abi.encodeWithSelector(Signatures.InvalidSignature.selector, operator), sign(PLAYER_KEY, id)
        );
        vm.warp(offer.expiry + 1);
        expectOpenFails(1.1 ether, abi.encodeWithSelector(Settlement.OfferExpired.selector, offer.expiry), signature);
        vm.warp(offer.expiry);
        vm.prank(operator);
        settlement.withdraw(48 ether, payable(operator));
        expectOpenFails(
            1.1 ether,
            abi.encodeWithSelector(Settlement.InsufficientBalance.selector, operator, 2.1 ether, 2 ether),
            signature
        );
        vm.prank(operator);
        settlement.deposit{value: 1 ether}();
        router.freeze(MODEL);
        expectOpenFails(1.1 ether, abi.encodeWithSelector(Settlement.ModelNotActive.selector, MODEL), signature);
    }

    /// @notice Nobody can burn a balance by leaving out where it goes.
    function testNothingIsWithdrawnToNobody() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WithdrawalToNobody.selector));
        settlement.withdraw(1 ether, payable(address(0)));
        vm.assertEq(settlement.balances(operator), 50 ether);
    }

    function testUnacceptableOffers() public {
        Offer memory good = offer;
        offer.level = 0;
        expectUnacceptable();
        // The strongest level plays without noise: one line that wins against it wins for ever.
        offer.level = 8;
        expectUnacceptable();
        offer = good;
        offer.responseSeconds = 59;
        expectUnacceptable();
        offer.responseSeconds = 30 days + 1;
        expectUnacceptable();
        offer = good;
        offer.player = operator;
        id = settlement.gameId(offer);
        bytes memory signature = sign(OPERATOR_KEY, id);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.UnacceptableOffer.selector));
        settlement.open{value: 1.1 ether}(offer, signature, NONCE);
    }

    function testAnOfferIsTakenOnce() public {
        open();
        bytes memory reason = abi.encodeWithSelector(Settlement.WrongStatus.selector, id, Settlement.Status.Open);
        expectOpenFails(1.1 ether, reason, sign(OPERATOR_KEY, id));
        vm.prank(player);
        settlement.settle(offer, Outcome.OperatorWins, "", "");
        reason = abi.encodeWithSelector(Settlement.WrongStatus.selector, id, Settlement.Status.Final);
        expectOpenFails(1.1 ether, reason, sign(OPERATOR_KEY, id));
    }

    function testRevokedOffer() public {
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongCaller.selector, address(this)));
        settlement.revoke(offer);
        vm.prank(operator);
        settlement.revoke(offer);
        expectOpenFails(
            1.1 ether,
            abi.encodeWithSelector(Settlement.WrongStatus.selector, id, Settlement.Status.Final),
            sign(OPERATOR_KEY, id)
        );
        offer.salt = bytes32(uint256(2));
        open();
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongStatus.selector, id, Settlement.Status.Open));
        settlement.revoke(offer);
    }

    function testNothingAfterTheEnd() public {
        open();
        State memory state = first();
        vm.prank(player);
        settlement.settle(offer, Outcome.OperatorWins, "", "");
        bytes memory reason = abi.encodeWithSelector(Settlement.WrongStatus.selector, id, Settlement.Status.Final);
        Move move = Notation.uci("e2e4");
        vm.expectRevert(reason);
        settlement.settle(offer, Outcome.Draw, "", "");
        vm.expectRevert(reason);
        settlement.challenge(offer, state, "", move, nothing());
        vm.expectRevert(reason);
        settlement.claimEnd(offer, state, "", move, nothing(), Claim.NotStarted, new bytes32[](0));
        vm.expectRevert(reason);
        settlement.respond(offer, state, move, nothing());
        vm.expectRevert(reason);
        settlement.refute(offer, state, "");
        vm.expectRevert(reason);
        settlement.claimTimeout(offer);
        vm.expectRevert(reason);
        settlement.refundStopped(offer);
    }

    /// @notice Signatures made for another game, chain or contract count for nothing.
    function testReplay() public {
        open();
        bytes memory other = signResult(OPERATOR_KEY, Outcome.PlayerWins);
        bytes memory opening = sign(OPERATOR_KEY, id);
        offer.salt = bytes32(uint256(2));
        open();
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, operator));
        settlement.settle(offer, Outcome.PlayerWins, "", other);

        Settlement second = new Settlement(rules, router);
        vm.assertTrue(second.gameId(offer) != id, "ids differ between contracts");
        vm.prank(operator);
        second.deposit{value: 3 ether}();
        offer.salt = bytes32(uint256(1));
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, operator));
        second.open{value: 1.1 ether}(offer, opening, NONCE);

        bytes32 here = settlement.gameId(offer);
        vm.chainId(77);
        vm.assertTrue(settlement.gameId(offer) != here, "ids differ between chains");
        vm.prank(player);
        vm.expectPartialRevert(Settlement.WrongStatus.selector);
        settlement.settle(offer, Outcome.PlayerWins, "", other);
    }

    function testHighSIsRefused() public {
        open();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(OPERATOR_KEY, settlement.resultDigest(id, Outcome.PlayerWins));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        bytes memory twin = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, operator));
        settlement.settle(offer, Outcome.PlayerWins, "", twin);
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzzWithdraw(uint256 deposited, uint256 amount) public {
        deposited %= 100 ether;
        vm.prank(stranger);
        settlement.deposit{value: deposited}();
        if (amount > deposited) {
            vm.expectRevert(
                abi.encodeWithSelector(Settlement.InsufficientBalance.selector, stranger, amount, deposited)
            );
            vm.prank(stranger);
            settlement.withdraw(amount, payable(player));
        } else {
            uint256 before = player.balance;
            vm.prank(stranger);
            settlement.withdraw(amount, payable(player));
            vm.assertEq(player.balance, before + amount);
            vm.assertEq(settlement.balances(stranger), deposited - amount);
        }
    }

    function testReentrantWithdrawal() public {
        Thief thief = new Thief(settlement);
        vm.deal(address(thief), 1 ether);
        thief.deposit();
        vm.expectRevert(abi.encodeWithSelector(Settlement.TransferFailed.selector, address(thief)));
        thief.steal(2);
        // Asking twice for half is no theft.
        thief.steal(1);
        vm.assertEq(address(thief).balance, 1 ether);
        vm.assertEq(settlement.balances(address(thief)), 0);
    }

    function testContractsSign() public {
        Wallet wallet = new Wallet(vm.addr(OPERATOR_KEY));
        vm.deal(address(wallet), 10 ether);
        wallet.deposit(settlement, 10 ether);
        offer.operator = address(wallet);
        open();
        bytes memory signature = signResult(OPERATOR_KEY, Outcome.PlayerWins);
        bytes memory wrong = signResult(STRANGER_KEY, Outcome.PlayerWins);
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, address(wallet)));
        settlement.settle(offer, Outcome.PlayerWins, "", wrong);
        vm.prank(player);
        settlement.settle(offer, Outcome.PlayerWins, "", signature);
        vm.assertEq(settlement.balances(player), 3.1 ether);
    }

    function expectOpenFails(uint256 value, bytes memory reason, bytes memory signature) private {
        vm.prank(player);
        vm.expectRevert(reason);
        settlement.open{value: value}(offer, signature, NONCE);
    }

    function expectUnacceptable() private {
        expectOpenFails(
            1.1 ether,
            abi.encodeWithSelector(Settlement.UnacceptableOffer.selector),
            sign(OPERATOR_KEY, settlement.gameId(offer))
        );
    }
}

/// @notice Calls back while it is paid.
contract Thief {
    Settlement private settlement;
    uint256 private times;

    constructor(Settlement target) {
        settlement = target;
    }

    function deposit() external {
        settlement.deposit{value: address(this).balance}();
    }

    /// @param more Calls from within the first, each for half of what was deposited.
    function steal(uint256 more) external {
        times = more;
        settlement.withdraw(0.5 ether, payable(address(this)));
    }

    receive() external payable {
        if (times == 0) return;
        --times;
        settlement.withdraw(0.5 ether, payable(address(this)));
    }
}

/// @notice A contract account whose owner's signatures are its own (ERC-1271).
contract Wallet {
    address private owner;

    constructor(address key) {
        owner = key;
    }

    function deposit(Settlement settlement, uint256 amount) external {
        settlement.deposit{value: amount}();
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        address signer = ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
        return signer == owner ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}
