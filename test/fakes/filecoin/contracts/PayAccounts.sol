// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

interface IToken {
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
}

/// The accounts of a fake Filecoin Pay: what is locked up grows with every epoch until the funds are used up.
abstract contract PayAccounts {
    struct Account {
        uint256 funds;
        uint256 lockupCurrent;
        uint256 lockupRate;
        uint256 lockupLastSettledAt;
    }

    struct Approval {
        bool isApproved;
        uint256 rateAllowance;
        uint256 lockupAllowance;
        uint256 rateUsage;
        uint256 lockupUsage;
        uint256 maxLockupPeriod;
    }

    mapping(address token => mapping(address owner => Account)) public accounts;
    mapping(address token => mapping(address client => mapping(address operator => Approval))) public operatorApprovals;

    event DepositRecorded(address indexed token, address indexed from, address indexed to, uint256 amount);
    event WithdrawRecorded(address indexed token, address indexed from, address indexed to, uint256 amount);
    event AccountLockupSettled(
        address indexed token, address indexed owner, uint256 lockupCurrent, uint256 lockupRate, uint256 lockupLastSettledAt
    );
    event OperatorApprovalUpdated(
        address indexed token,
        address indexed client,
        address indexed operator,
        bool approved,
        uint256 rateAllowance,
        uint256 lockupAllowance,
        uint256 maxLockupPeriod
    );

    error OperatorNotApproved(address from, address operator);
    error OperatorRateAllowanceExceeded(uint256 allowed, uint256 attemptedUsage);
    error OperatorLockupAllowanceExceeded(uint256 allowed, uint256 attemptedUsage);
    error LockupPeriodExceedsOperatorMaximum(address token, address operator, uint256 maxAllowedPeriod, uint256 requestedPeriod);
    error InsufficientUnlockedFunds(uint256 available, uint256 requested);
    error LockupExceedsFundsInvariant(address token, address account, uint256 lockupCurrent, uint256 fundsCurrent);
    error SignerMustBeMsgSender(address expected, address actual);
    error NativeTokenNotAccepted(uint256 sent);

    function deposit(address token, address to, uint256 amount) external payable {
        if (msg.value > 0) revert NativeTokenNotAccepted(msg.value);
        _deposit(token, to, amount);
    }

    function depositWithPermit(address token, address to, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        if (to != msg.sender) revert SignerMustBeMsgSender(msg.sender, to);
        IToken(token).permit(to, address(this), amount, deadline, v, r, s);
        _deposit(token, to, amount);
    }

    function withdraw(address token, uint256 amount) external {
        _settleLockup(token, msg.sender);
        Account storage account = accounts[token][msg.sender];
        uint256 available = account.funds - account.lockupCurrent;
        if (amount > available) revert InsufficientUnlockedFunds(available, amount);
        account.funds -= amount;
        require(IToken(token).transfer(msg.sender, amount), "the token refused");
        emit WithdrawRecorded(token, msg.sender, msg.sender, amount);
    }

    function setOperatorApproval(
        address token,
        address operator,
        bool approved,
        uint256 rateAllowance,
        uint256 lockupAllowance,
        uint256 maxLockupPeriod
    ) external {
        Approval storage approval = operatorApprovals[token][msg.sender][operator];
        approval.isApproved = approved;
        approval.rateAllowance = rateAllowance;
        approval.lockupAllowance = lockupAllowance;
        approval.maxLockupPeriod = maxLockupPeriod;
        emit OperatorApprovalUpdated(token, msg.sender, operator, approved, rateAllowance, lockupAllowance, maxLockupPeriod);
    }

    function getAccountInfoIfSettled(address token, address owner)
        external
        view
        returns (uint256 fundedUntilEpoch, uint256 currentFunds, uint256 availableFunds, uint256 currentLockupRate)
    {
        Account memory account = accounts[token][owner];
        currentFunds = account.funds;
        currentLockupRate = account.lockupRate;
        fundedUntilEpoch = account.lockupRate == 0
            ? type(uint256).max
            : account.lockupLastSettledAt + (account.funds - account.lockupCurrent) / account.lockupRate;
        _grow(account);
        availableFunds = account.funds - account.lockupCurrent;
    }

    function _deposit(address token, address to, uint256 amount) private {
        require(IToken(token).transferFrom(msg.sender, address(this), amount), "the token refused");
        accounts[token][to].funds += amount;
        _settleLockup(token, to);
        emit DepositRecorded(token, msg.sender, to, amount);
    }

    /// Whether the funds last to this block.
    function _settleLockup(address token, address owner) internal returns (bool isSettled) {
        Account memory account = accounts[token][owner];
        isSettled = _grow(account);
        accounts[token][owner] = account;
        emit AccountLockupSettled(token, owner, account.lockupCurrent, account.lockupRate, account.lockupLastSettledAt);
    }

    function _grow(Account memory account) private view returns (bool) {
        uint256 epochs = block.number - account.lockupLastSettledAt;
        uint256 available = account.funds - account.lockupCurrent;
        if (account.lockupRate * epochs > available) epochs = available / account.lockupRate;
        account.lockupCurrent += account.lockupRate * epochs;
        account.lockupLastSettledAt += epochs;
        return account.lockupLastSettledAt == block.number;
    }

    function _relock(address token, address owner, Approval storage approval, uint256 from, uint256 to) internal {
        uint256 usage = approval.lockupUsage - from + to;
        if (to > from && usage > approval.lockupAllowance) {
            revert OperatorLockupAllowanceExceeded(approval.lockupAllowance, usage);
        }
        approval.lockupUsage = usage;
        Account storage account = accounts[token][owner];
        account.lockupCurrent = account.lockupCurrent - from + to;
        if (account.lockupCurrent > account.funds) {
            revert LockupExceedsFundsInvariant(token, owner, account.lockupCurrent, account.funds);
        }
    }
}
