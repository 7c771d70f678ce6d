//! What is proved about money, over every input at full width.
//!
//! The harnesses below `harness` are compiled twice. In [`symbolic`] the core is built from its own source files over
//! the numbers of `num-symbolic`, and `symx` explores every path. In [`shipped`] the same harnesses run on the core as
//! it ships, with the example that the prover gives for each path.
//!
//! **Invariant:** no property, and no line of the code under proof, is written twice.
//!
//! What it leaves out: any number of accounts or steps. Bodies of loops are proved for one step.

#![expect(
    clippy::duplicate_mod,
    reason = "the harnesses and the kernel are compiled in both worlds"
)]

pub mod shipped;
pub mod symbolic;
