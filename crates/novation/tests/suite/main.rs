//! The program as its user meets it: what it prints, what it refuses, and with which exit code.
//!
//! One short demo is run and shared; every test that changes a house works on a copy.

mod audit;
mod explain;
mod forgery;
mod margin;
mod network;
mod network_committee;
mod network_doors;
mod network_founding;
mod network_sync;
mod proof;
mod report;
mod restart;
mod risk;
mod support;
mod usage;
