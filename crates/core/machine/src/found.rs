//! Founding a house: from genesis to the initial state, the one before the first block.

use crate::Machine;
use crate::state::State;
use crate::state::account::Accounts;
use crate::state::accrual::Accrual;
use crate::state::committee::Committee;
use crate::state::custody::Custody;
use crate::state::genesis::{Genesis, GenesisError, UnderlyingGenesis};
use crate::state::keys::Keys;
use crate::state::market::Market;
use crate::state::records::Write;
use crate::state::underlying::Underlying;
use crate::state::waiting::WaitingRoom;
use governance::{Council, Parameters};
use ledger::{Holder, Ledger, Posting};
use oracle::{BasisMarks, Feed, VolMarks};
use protocol::{Contract, Fault, Instrument, Mode, OrderId, ParameterId, limits};
use std::collections::{BTreeMap, BTreeSet};
use thresholds::Thresholds;
use units::{Amount, BlockHeight, Notional, Ppm, Price};

impl Machine {
    /// Founds a house.
    ///
    /// # Errors
    ///
    /// [`GenesisError`] with the first rule that the genesis breaks.
    ///
    /// spec 0025-BLOCK-013.
    pub fn found(genesis: &Genesis) -> Result<(Self, Vec<Write>), GenesisError> {
        check(genesis)?;
        let signers = genesis.signers.iter().copied();
        let council = Council::new(signers, genesis.threshold)?;
        let custody = Custody::new(&genesis.custodians, genesis.custodian_threshold);
        let custody = custody.ok_or(GenesisError::Custodians {
            custodians: genesis.custodians.len(),
            threshold: genesis.custodian_threshold,
        })?;
        let mut parameters = Parameters::default();
        for change in &genesis.parameters {
            let set = parameters.set(change.underlying, change.parameter, change.value);
            set.map_err(|refusal| GenesisError::Parameter(change.parameter, refusal))?;
        }
        let mut ledger = Ledger::default();
        let mut underlyings = BTreeMap::new();
        for given in &genesis.underlyings {
            let fund = Holder::Insurance(given.id);
            ledger.post(Posting::dollars(Holder::Outside, fund, given.insurance_fund))?;
            let scan = parameters.get(Some(given.id), ParameterId::ScanRange);
            let scan = Ppm::from_parts(i128::from(scan));
            let ranges = Thresholds::new(&thresholds::Parameters::governed(scan))?;
            underlyings.insert(given.id, underlying(given, ranges));
        }
        let mut markets = BTreeMap::new();
        for instrument in &genesis.instruments {
            let refuse = |refusal| GenesisError::Instrument(instrument.id, refusal);
            instrument.check().map_err(refuse)?;
            let ended = instrument.contract.expires_at().is_some_and(|at| at <= genesis.time);
            let rule = match (underlyings.contains_key(&instrument.underlying), ended) {
                (true, false) => None,
                (true, true) => Some(protocol::ContractRule::ExpiresBeforeNow),
                (false, _) => Some(protocol::ContractRule::UnderlyingUnknown),
            };
            if let Some(rule) = rule {
                return Err(refuse(protocol::Refusal::ContractInvalid { rule }));
            }
            markets.insert(instrument.id, Market::listed(*instrument));
        }
        let perpetual = |given: &&Instrument| given.contract == Contract::Perpetual;
        let accruals = genesis.instruments.iter().filter(perpetual);
        let accruals =
            accruals.map(|given| (given.id, Accrual::new(given.contract_size))).collect();
        let mut state = State {
            chain: genesis.chain.clone(),
            height: BlockHeight::ZERO,
            time: genesis.time,
            custody,
            validators: genesis
                .validators
                .iter()
                .map(|held| (held.seat.validator, held.stake))
                .collect(),
            committee: Committee::new(genesis),
            offenders: BTreeMap::new(),
            underlyings,
            markets,
            accruals,
            accounts: Accounts::default(),
            ledger,
            council,
            parameters,
            next_order: OrderId::new(1),
            variation_due_at: genesis.time,
            call_auction: None,
            suspension: crate::Suspension::default(),
            waiting: WaitingRoom::default(),
            outflow: custody::Outflow::default(),
            house_fault: None,
            keys: Keys::new(genesis.signed),
            liquidity: BTreeMap::new(),
        };
        let interval = units::BlockSpan::from_millis(state.house(ParameterId::VariationInterval));
        state.variation_due_at =
            genesis.time.after(interval).map_err(Fault::at("variation margin"))?;
        let keys = state.keys();
        match state.writes(&keys) {
            (writes, None) => Ok((Self { state }, writes)),
            (_, Some(fault)) => Err(fault.into()),
        }
    }
}

fn underlying(given: &UnderlyingGenesis, thresholds: Thresholds) -> Underlying {
    Underlying {
        name: given.name.clone(),
        asset: given.asset,
        class: given.class,
        sources: given.sources.clone(),
        sources_min: given.sources_min,
        feed: Feed::founded(given.reference_price, given.first_blocks),
        bases: BasisMarks::default(),
        vols: VolMarks::default(),
        settlements: BTreeMap::new(),
        thresholds,
        vols_flagged: BTreeMap::new(),
        mode: Mode::Frozen,
        payable: waterfall::Allowance::default(),
    }
}

fn check(genesis: &Genesis) -> Result<(), GenesisError> {
    let is_name = |name: &str, longest| {
        !name.is_empty()
            && name.len() <= longest
            && name.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let chain = std::iter::once((&genesis.chain, 32));
    let names = chain.chain(genesis.underlyings.iter().map(|given| (&given.name, 16)));
    for (name, longest) in names {
        if !is_name(name, longest) {
            return Err(GenesisError::Name(name.chars().take(64).collect()));
        }
    }
    let validators = &genesis.validators;
    let staked = validators.iter().all(|held| held.stake > 0);
    let total = validators.iter().try_fold(0u64, |sum, held| sum.checked_add(held.stake));
    let counted = !validators.is_empty() && validators.len() <= limits::VALIDATORS_MAX;
    let once = validators.is_sorted_by(|a, b| a.seat.validator < b.seat.validator);
    let keys: BTreeSet<_> = validators.iter().map(|held| held.seat.key).collect();
    if !staked || total.is_none() || !counted || !once || keys.len() != validators.len() {
        return Err(GenesisError::Validators);
    }
    for held in validators {
        if validator_set::is_too_large(held.stake, validators.iter().map(|other| other.stake)) {
            return Err(GenesisError::StakeTooLarge(held.seat.validator));
        }
    }
    if genesis.epoch_blocks < limits::EPOCH_BLOCKS_MIN {
        return Err(GenesisError::EpochTooShort(genesis.epoch_blocks));
    }
    if !genesis.underlyings.is_sorted_by(|a, b| a.id < b.id) || genesis.underlyings.is_empty() {
        return Err(GenesisError::Order("underlyings"));
    }
    let instruments = &genesis.instruments;
    if !instruments.is_sorted_by(|a, b| a.id < b.id) || instruments.len() > limits::INSTRUMENTS_MAX
    {
        return Err(GenesisError::Order("instruments"));
    }
    for given in &genesis.underlyings {
        let sources = &given.sources;
        let weighed = sources.iter().all(|held| held.weight > 0);
        let counted = !sources.is_empty() && sources.len() <= limits::SOURCES_MAX;
        if !weighed || !counted || !sources.is_sorted_by(|a, b| a.source < b.source) {
            return Err(GenesisError::Sources(given.id));
        }
        if usize::from(given.sources_min) >= sources.len() {
            return Err(GenesisError::SourcesMin {
                underlying: given.id,
                sources: sources.len(),
                sources_min: given.sources_min,
            });
        }
        let reference = given.reference_price;
        let priced = reference > Price::ZERO && reference.within_limit().is_ok();
        if !priced || given.first_blocks == 0 {
            return Err(GenesisError::Reference(given.id));
        }
        let fund = given.insurance_fund;
        if fund < Notional::ZERO || Amount::from_notional(fund).within_limit().is_err() {
            return Err(GenesisError::InsuranceFund(given.id));
        }
    }
    Ok(())
}
