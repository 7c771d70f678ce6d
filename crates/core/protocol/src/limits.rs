//! Bounds on counts: every queue, list and loop of the machine ends at one of these.

/// Most quotes in one mass quote.
pub const QUOTES_PER_COMMAND_MAX: usize = 256;
/// Most open orders of one account.
pub const ORDERS_PER_ACCOUNT_MAX: usize = 1_024;
/// Most positions of one account: one in every instrument.
pub const POSITIONS_PER_ACCOUNT_MAX: usize = 4_096;
/// Most open orders of all accounts of one owner.
pub const ORDERS_PER_OWNER_MAX: u32 = 65_536;
/// Most open orders of all accounts of one owner in one book.
pub const ORDERS_PER_OWNER_AND_BOOK_MAX: u32 = 8_192;
/// Most orders on one side of a book, those not counted that never rest.
pub const ORDERS_PER_SIDE_MAX: usize = if cfg!(feature = "plant") { 64 } else { 1 << 19 };
/// Most orders on one side of a market that wait for the end of a call auction.
pub const WAITING_PER_SIDE_MAX: usize = 4_096;
/// Most listed instruments.
pub const INSTRUMENTS_MAX: usize = 4_096;
/// Most accounts.
pub const ACCOUNTS_MAX: usize = 1 << 24;
/// Most accounts of one owner.
pub const ACCOUNTS_PER_OWNER_MAX: usize = 1_024;
/// Most custodians.
pub const CUSTODIANS_MAX: usize = 16;
/// Most deposits that one custodian has attested and that are not credited.
pub const ATTESTATIONS_PER_CUSTODIAN_MAX: usize = 64;
/// Most credited deposits that are kept apart: below the lowest of them, all count as credited.
pub const DEPOSITS_APART_MAX: usize = 1_024;
/// Most withdrawals that are to be paid.
pub const WITHDRAWALS_MAX: usize = 65_536;
/// Most withdrawals of one owner that are to be paid.
pub const WITHDRAWALS_PER_OWNER_MAX: u8 = 16;
/// Most open governance proposals, of those that stop or resume and of the others, shared evenly by the signers.
pub const PROPOSALS_MAX: usize = 64;
/// Most open proposals of one signer, of either kind.
pub const PROPOSALS_PER_SIGNER_MAX: usize = 8;
/// Most governance signers.
pub const SIGNERS_MAX: usize = 32;
/// Most transactions in one block.
pub const TRANSACTIONS_PER_BLOCK_MAX: usize = 100_000;
/// Most validators.
pub const VALIDATORS_MAX: usize = 256;
/// Fewest seats that a change may leave: so many survive the loss of one.
pub const SEATS_MIN: usize = 4;
/// Fewest blocks of an epoch: a change of committee is settled, proved and followed within one.
pub const EPOCH_BLOCKS_MIN: u64 = 32;
/// Most price sources of one underlying.
pub const SOURCES_MAX: usize = 32;
/// Most commands under one signature.
pub const COMMANDS_PER_SIGNATURE_MAX: usize = 1_024;
/// Nonces of one key that are kept apart; below them, all count as used.
pub const NONCES_PER_KEY_MAX: usize = 64;
/// Most session keys of one owner, those that have ended not long ago among them.
pub const SESSIONS_PER_OWNER_MAX: usize = 16;
/// Longest time, in milliseconds, from a block to the expiry of a signature in it.
pub const SIGNATURE_LIFE_MS_MAX: i128 = 86_400_000;
/// Most bytes of an encoded block.
pub const BLOCK_BYTES_MAX: usize = 32 << 20;
