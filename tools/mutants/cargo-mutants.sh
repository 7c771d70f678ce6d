#!/usr/bin/env sh
# Runs cargo-mutants over the proved sources with the proofs as the only tests, in a clone below target/:
#
#     cargo install --locked cargo-mutants@27.1.0
#     cargo x prove                               # fetches the prover
#     tools/mutants/cargo-mutants.sh              # half an hour on two cores; further options go to cargo-mutants
#
# cargo-mutants calls this script as its cargo, so that where it asks for tests the proofs of the broken crate run.
set -eu

if [ -n "${NOVATION_MUTANTS:-}" ]; then
    [ "$1" = test ] || exec cargo "$@"
    case " $* " in
        *" --no-run "*) exec cargo test --no-run --release --locked --manifest-path crates/dev/proofs/Cargo.toml ;;
    esac
    case $(git diff --name-only -- crates) in
        "") words= ;;
        crates/core/num/*) words="kernel: units:" ;;
        crates/core/units/*) words="units:" ;;
        crates/core/ledger/*) words="ledger:" ;;
        crates/core/clearing/*) words="clearing:" ;;
        crates/core/waterfall/*) words="liquidation: debts:" ;;
        crates/core/custody/*) words="custody:" ;;
        *) echo "no proofs are known for this file" >&2; exit 2 ;;
    esac
    # shellcheck disable=SC2086  # several words
    exec cargo test --release --locked --manifest-path crates/dev/proofs/Cargo.toml -- $words
fi

root=$(git rev-parse --show-toplevel)
prover=$root/target/z3/z3/lib
[ -d "$prover" ] || { echo "no prover in $prover: run cargo x prove first" >&2; exit 2; }
clone=$root/target/cargo-mutants
rm -rf "$clone"
git clone --quiet "$root" "$clone"
cd "$clone"
export NOVATION_MUTANTS=1 CARGO="$root/tools/mutants/cargo-mutants.sh" CARGO_TARGET_DIR="$root/target/proofs"
export LD_LIBRARY_PATH="$prover" Z3_LIBRARY_PATH_OVERRIDE="$prover" Z3_SYS_Z3_VERSION=5.4.1 Z3_NO_PKG_CONFIG=1
core=crates/core
exec cargo-mutants mutants --workspace --in-place --timeout 600 --build-timeout 600 --output "$root/target/cargo-mutants-out" \
    -f "$core/num/src/lib.rs" -f "$core/num/src/wide.rs" -f "$core/num/src/limbs.rs" -f "$core/num/src/digit.rs" \
    -f "$core/units/src/lib.rs" \
    -f "$core/ledger/src/changes.rs" -f "$core/ledger/src/table.rs" -f "$core/ledger/src/transfer.rs" \
    -f "$core/clearing/src/aggregate.rs" -f "$core/clearing/src/fill.rs" -f "$core/clearing/src/funding.rs" \
    -f "$core/clearing/src/settlement.rs" \
    -f "$core/waterfall/src/liquidation.rs" -f "$core/waterfall/src/insurance.rs" "$@"
