// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {ProvenMoves, Question} from "../src/ProvenMoves.sol";
import {ProvenTokens} from "../src/ProvenTokens.sol";
import {IERC7007} from "../src/interfaces/IERC7007.sol";
import {State} from "../src/types/Game.sol";
import {Notation} from "./Notation.sol";
import {SettlementBase} from "./SettlementBase.sol";

contract ProvenMovesTest is SettlementBase {
    ProvenMoves private token;
    bytes private prompt;
    bytes private content;
    bytes private proof;
    uint256 private tokenId;

    function setUp() public override {
        super.setUp();
        token = new ProvenMoves(rules, router);
        (prompt, content, proof) = proven("e2e4", 4, keccak256("a seed"));
        tokenId = uint256(keccak256(prompt));
    }

    function proven(string memory move, uint8 level, bytes32 seed)
        private
        view
        returns (bytes memory, bytes memory, bytes memory)
    {
        State memory start = first();
        Question memory question = Question(MODEL, id, level, seed, start.board, start.meta);
        bytes memory text = token.statement(question, Notation.uci(move));
        return (
            abi.encode(token.PROMPT_DOMAIN(), question),
            abi.encode(Notation.uci(move)),
            abi.encodePacked(keccak256(text))
        );
    }

    function mint() private {
        vm.prank(player);
        token.addAigcData(tokenId, prompt, content, proof);
    }

    function testInterfaces() public view {
        vm.assertTrue(type(IERC7007).interfaceId == bytes4(0x702c55a6));
        vm.assertTrue(token.supportsInterface(0x702c55a6));
        vm.assertTrue(token.supportsInterface(0x80ac58cd));
        vm.assertTrue(token.supportsInterface(0x01ffc9a7));
        vm.assertTrue(!token.supportsInterface(0xffffffff));
    }

    /// @notice The statement is the one that the settlement would have asked about.
    function testStatement() public view {
        State memory start = first();
        bytes32 seed = keccak256(abi.encodePacked("fairmate seed 1", bytes32(uint256(NONCE)), element(1), uint32(0)));
        Question memory question = Question(MODEL, id, 4, seed, start.board, start.meta);
        vm.assertEq(token.statement(question, Notation.uci("e2e4")), statement(start, "e2e4", element(1)));
    }

    function testMint() public {
        mint();
        vm.assertTrue(token.ownerOf(tokenId) == player);
        vm.assertEq(token.balanceOf(player), 1);
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.InvalidReceiver.selector, address(0)));
        token.balanceOf(address(0));
        vm.assertTrue(token.verify(prompt, content, proof));
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.AlreadyMinted.selector, tokenId));
        token.addAigcData(tokenId, prompt, content, proof);
    }

    function testOnlyWhatIsProven() public {
        vm.assertTrue(!token.verify(prompt, content, "no proof"));
        vm.assertTrue(!token.verify(prompt, content, ""));
        vm.assertTrue(!token.verify(prompt, abi.encode(Notation.uci("d2d4")), proof));
        vm.assertTrue(!token.verify(prompt, abi.encode(Notation.uci("e2e5")), proof));
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.NotProven.selector, tokenId));
        token.addAigcData(tokenId, prompt, content, "no proof");
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.WrongTokenId.selector, tokenId, 7));
        token.addAigcData(7, prompt, content, proof);
        State memory start = first();
        Question memory question = Question(MODEL, id, 4, keccak256("a seed"), start.board, start.meta);
        router.attest(token.statement(question, Notation.uci("e2e4")), proof);
        vm.assertTrue(token.verify(prompt, content, ""));
    }

    /// @notice Bytes that are no question or no move prove nothing, and do not revert.
    function testFuzzMalformed(bytes calldata noise, uint256 place, bytes1 change) public view {
        vm.assertTrue(!token.verify(noise, content, proof));
        vm.assertTrue(!token.verify(prompt, noise, proof));
        if (change == 0) return;
        bytes memory changed = bytes.concat(prompt);
        changed[place % changed.length] ^= change;
        vm.assertTrue(!token.verify(changed, content, proof));
        changed = bytes.concat(content);
        changed[place % changed.length] ^= change;
        vm.assertTrue(!token.verify(prompt, changed, proof));
    }

    function testTheStrongestLevelHasNoSeed() public view {
        (bytes memory asked, bytes memory answer, bytes memory shown) = proven("e2e4", 8, 0);
        vm.assertTrue(token.verify(asked, answer, shown));
        (asked, answer, shown) = proven("e2e4", 8, bytes32(uint256(1)));
        vm.assertTrue(!token.verify(asked, answer, shown));
    }

    function testTransfers() public {
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.UnknownToken.selector, tokenId));
        token.ownerOf(tokenId);
        mint();
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.NotAuthorised.selector, stranger, tokenId));
        token.transferFrom(player, stranger, tokenId);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.NotAuthorised.selector, stranger, tokenId));
        token.approve(stranger, tokenId);
        vm.prank(player);
        token.approve(stranger, tokenId);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.WrongOwner.selector, operator, tokenId));
        token.transferFrom(operator, stranger, tokenId);
        vm.prank(stranger);
        token.transferFrom(player, operator, tokenId);
        vm.assertTrue(token.ownerOf(tokenId) == operator);
        vm.assertTrue(token.getApproved(tokenId) == address(0));
        vm.assertEq(token.balanceOf(player), 0);
        // The approval went with the transfer.
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.NotAuthorised.selector, stranger, tokenId));
        token.transferFrom(operator, stranger, tokenId);
        vm.prank(operator);
        token.setApprovalForAll(stranger, true);
        vm.prank(stranger);
        token.safeTransferFrom(operator, player, tokenId);
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.InvalidReceiver.selector, address(0)));
        token.transferFrom(player, address(0), tokenId);
    }

    function testSafeTransfersToContracts() public {
        mint();
        Receiver good = new Receiver(true);
        Receiver bad = new Receiver(false);
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.InvalidReceiver.selector, address(bad)));
        token.safeTransferFrom(player, address(bad), tokenId);
        vm.prank(player);
        token.safeTransferFrom(player, address(good), tokenId, "for you");
        vm.assertTrue(token.ownerOf(tokenId) == address(good));
    }
}

/// @notice Takes tokens or does not.
contract Receiver {
    bool private takes;

    constructor(bool willing) {
        takes = willing;
    }

    function onERC721Received(address, address, uint256, bytes calldata) external view returns (bytes4) {
        return takes ? this.onERC721Received.selector : bytes4(0);
    }
}
