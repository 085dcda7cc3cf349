// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import "./PayAccounts.sol";

interface IRailValidator {
    function railTerminated(uint256 railId, address terminator, uint256 endEpoch) external;
}

/// A fake of Filecoin Pay: rails between accounts, changed by an operator. No fees, no validation of what is settled.
contract FakeFilecoinPay is PayAccounts {
    struct RailView {
        address token;
        address from;
        address to;
        address operator;
        address validator;
        uint256 paymentRate;
        uint256 lockupPeriod;
        uint256 lockupFixed;
        uint256 settledUpTo;
        uint256 endEpoch;
        uint256 commissionRateBps;
        address serviceFeeRecipient;
    }

    struct RailInfo {
        uint256 railId;
        bool isTerminated;
        uint256 endEpoch;
    }

    /// What a rail owes beyond its settled epoch at rates that it no longer has.
    struct Owed {
        uint256 amount;
        uint256 since;
    }

    uint256 private _lastRail;
    mapping(uint256 => RailView) private _rails;
    mapping(uint256 => Owed) private _owed;
    mapping(address => uint256[]) private _railsOf;

    event RailCreated(
        uint256 indexed railId,
        address indexed payer,
        address indexed payee,
        address token,
        address operator,
        address validator,
        address serviceFeeRecipient,
        uint256 commissionRateBps
    );
    event RailLockupModified(
        uint256 indexed railId, uint256 oldLockupPeriod, uint256 newLockupPeriod, uint256 oldLockupFixed, uint256 newLockupFixed
    );
    event RailRateModified(uint256 indexed railId, uint256 oldRate, uint256 newRate);
    event RailTerminated(uint256 indexed railId, address indexed by, uint256 endEpoch);
    event RailSettled(
        uint256 indexed railId,
        uint256 totalSettledAmount,
        uint256 totalNetPayeeAmount,
        uint256 operatorCommission,
        uint256 networkFee,
        uint256 settledUpTo
    );
    event RailFinalized(uint256 indexed railId);

    error RailInactiveOrSettled(uint256 railId);
    error RailAlreadyTerminated(uint256 railId);
    error OnlyRailOperatorAllowed(address expected, address caller);
    error NotAuthorizedToTerminateRail(uint256 railId, address allowedClient, address allowedOperator, address caller);
    error LockupNotSettledRateChangeNotAllowed(
        uint256 railId, address from, bool isSettled, uint256 currentRate, uint256 attemptedRate
    );
    error CannotSettleFutureEpochs(uint256 railId, uint256 maxAllowedEpoch, uint256 attemptedEpoch);

    function getRail(uint256 railId) external view returns (RailView memory) {
        return _active(railId);
    }

    function getRailsForPayerAndToken(address payer, address token, uint256 offset, uint256 limit)
        external
        view
        returns (RailInfo[] memory results, uint256 nextOffset, uint256 total)
    {
        uint256[] storage ids = _railsOf[payer];
        total = ids.length;
        uint256 end = limit == 0 || offset + limit > total ? total : offset + limit;
        results = new RailInfo[](end > offset ? end - offset : 0);
        for (uint256 at = offset; at < end; at++) {
            RailView storage rail = _rails[ids[at]];
            require(rail.token == token, "one token only in this fake");
            results[at - offset] = RailInfo(ids[at], rail.endEpoch > 0, rail.endEpoch);
        }
        nextOffset = end;
    }

    function createRail(
        address token,
        address from,
        address to,
        address validator,
        uint256 commissionRateBps,
        address serviceFeeRecipient
    ) external returns (uint256 railId) {
        if (!operatorApprovals[token][from][msg.sender].isApproved) revert OperatorNotApproved(from, msg.sender);
        railId = ++_lastRail;
        _rails[railId] = RailView({
            token: token,
            from: from,
            to: to,
            operator: msg.sender,
            validator: validator,
            paymentRate: 0,
            lockupPeriod: 0,
            lockupFixed: 0,
            settledUpTo: block.number,
            endEpoch: 0,
            commissionRateBps: commissionRateBps,
            serviceFeeRecipient: serviceFeeRecipient
        });
        _owed[railId] = Owed(0, block.number);
        _railsOf[from].push(railId);
        emit RailCreated(railId, from, to, token, msg.sender, validator, serviceFeeRecipient, commissionRateBps);
    }

    function modifyRailLockup(uint256 railId, uint256 period, uint256 lockupFixed) external {
        RailView storage rail = _operated(railId);
        require(rail.endEpoch == 0, "this fake changes no lockup after the end");
        _settleLockup(rail.token, rail.from);
        Approval storage approval = operatorApprovals[rail.token][rail.from][msg.sender];
        if (period > approval.maxLockupPeriod) {
            revert LockupPeriodExceedsOperatorMaximum(rail.token, msg.sender, approval.maxLockupPeriod, period);
        }
        _relock(
            rail.token,
            rail.from,
            approval,
            rail.lockupFixed + rail.paymentRate * rail.lockupPeriod,
            lockupFixed + rail.paymentRate * period
        );
        emit RailLockupModified(railId, rail.lockupPeriod, period, rail.lockupFixed, lockupFixed);
        rail.lockupPeriod = period;
        rail.lockupFixed = lockupFixed;
    }

    function modifyRailPayment(uint256 railId, uint256 newRate, uint256 oneTimePayment) external {
        require(oneTimePayment == 0, "no one-time payments in this fake");
        RailView storage rail = _operated(railId);
        if (rail.endEpoch > 0) revert RailAlreadyTerminated(railId);
        uint256 oldRate = rail.paymentRate;
        if (newRate == oldRate) return;
        if (!_settleLockup(rail.token, rail.from)) {
            revert LockupNotSettledRateChangeNotAllowed(railId, rail.from, false, oldRate, newRate);
        }
        Approval storage approval = operatorApprovals[rail.token][rail.from][msg.sender];
        uint256 usage = approval.rateUsage - oldRate + newRate;
        if (newRate > oldRate && usage > approval.rateAllowance) {
            revert OperatorRateAllowanceExceeded(approval.rateAllowance, usage);
        }
        approval.rateUsage = usage;
        accounts[rail.token][rail.from].lockupRate = accounts[rail.token][rail.from].lockupRate - oldRate + newRate;
        _relock(rail.token, rail.from, approval, oldRate * rail.lockupPeriod, newRate * rail.lockupPeriod);
        Owed storage owed = _owed[railId];
        owed.amount += oldRate * (block.number - owed.since);
        owed.since = block.number;
        rail.paymentRate = newRate;
        emit RailRateModified(railId, oldRate, newRate);
    }

    function terminateRail(uint256 railId) external {
        RailView storage rail = _rails[railId];
        if (rail.from == address(0)) revert RailInactiveOrSettled(railId);
        if (rail.endEpoch > 0) revert RailAlreadyTerminated(railId);
        bool isSettled = _settleLockup(rail.token, rail.from);
        if (msg.sender != rail.operator && !(msg.sender == rail.from && isSettled)) {
            revert NotAuthorizedToTerminateRail(railId, rail.from, rail.operator, msg.sender);
        }
        Account storage payer = accounts[rail.token][rail.from];
        rail.endEpoch = payer.lockupLastSettledAt + rail.lockupPeriod;
        payer.lockupRate -= rail.paymentRate;
        operatorApprovals[rail.token][rail.from][rail.operator].rateUsage -= rail.paymentRate;
        emit RailTerminated(railId, msg.sender, rail.endEpoch);
        if (rail.validator != address(0)) IRailValidator(rail.validator).railTerminated(railId, msg.sender, rail.endEpoch);
    }

    function settleRail(uint256 railId, uint256 untilEpoch)
        external
        returns (
            uint256 totalSettledAmount,
            uint256 totalNetPayeeAmount,
            uint256 totalOperatorCommission,
            uint256 totalNetworkFee,
            uint256 finalSettledEpoch,
            string memory note
        )
    {
        if (untilEpoch > block.number) revert CannotSettleFutureEpochs(railId, block.number, untilEpoch);
        RailView storage rail = _rails[railId];
        if (rail.from == address(0)) revert RailInactiveOrSettled(railId);
        _settleLockup(rail.token, rail.from);
        Account storage payer = accounts[rail.token][rail.from];
        uint256 most = rail.endEpoch > 0 ? rail.endEpoch : payer.lockupLastSettledAt;
        finalSettledEpoch = untilEpoch < most ? untilEpoch : most;
        if (finalSettledEpoch > _owed[railId].since) {
            totalSettledAmount = _owed[railId].amount + rail.paymentRate * (finalSettledEpoch - _owed[railId].since);
            _owed[railId] = Owed(0, finalSettledEpoch);
            payer.funds -= totalSettledAmount;
            payer.lockupCurrent -= totalSettledAmount;
            accounts[rail.token][rail.to].funds += totalSettledAmount;
            rail.settledUpTo = finalSettledEpoch;
        }
        totalNetPayeeAmount = totalSettledAmount;
        emit RailSettled(railId, totalSettledAmount, totalNetPayeeAmount, 0, 0, finalSettledEpoch);
        if (rail.endEpoch > 0 && finalSettledEpoch == rail.endEpoch) _finalize(railId, rail, payer);
        return (totalSettledAmount, totalNetPayeeAmount, 0, 0, finalSettledEpoch, note);
    }

    function _finalize(uint256 railId, RailView storage rail, Account storage payer) private {
        payer.lockupCurrent -= rail.lockupFixed;
        operatorApprovals[rail.token][rail.from][rail.operator].lockupUsage -=
            rail.lockupFixed + rail.paymentRate * rail.lockupPeriod;
        delete _rails[railId];
        emit RailFinalized(railId);
    }

    function _active(uint256 railId) private view returns (RailView storage rail) {
        rail = _rails[railId];
        if (rail.from == address(0)) revert RailInactiveOrSettled(railId);
    }

    function _operated(uint256 railId) private view returns (RailView storage rail) {
        rail = _active(railId);
        if (rail.operator != msg.sender) revert OnlyRailOperatorAllowed(rail.operator, msg.sender);
    }
}
