//! The machine from outside: markets, and a million random commands.

mod access;
mod caps;
mod committee;
mod common;
mod council;
mod custodians;
mod custody;
mod evidence;
mod expiry_margin;
mod faults;
mod feeds;
mod fills;
mod first_price;
mod funding_pause;
mod liquidation;
mod liquidity;
mod listing;
mod markets;
mod open_orders;
mod random_commands;
mod ranges;
mod restart;
mod rules;
mod settlement;
mod sub_accounts;
mod tables;
