//! A small house to measure accounts in, and random portfolios from a printed seed.
#![expect(dead_code, reason = "each test file uses its part")]

pub(crate) mod legs;

pub(crate) use random::Random;

use margin::{
    MarketInput, OffsetClass, OpenOrder, Parameters, Portfolio, Position, Risk, Settlement,
    SideOrders, UnderlyingInput, mark_value, on_quantum,
};
use protocol::{AssetId, Contract, Instrument, InstrumentId, Right, Side, UnderlyingId};
use units::{BlockSpan, BlockTime, Lots, Notional, Ppb, Ppm, Price, Quantity, Round, Vol};

pub(crate) const FEE: Ppm = Ppm::from_parts(500);
pub(crate) const NOW: i128 = 1_700_000_000_000;
pub(crate) const DAY: i128 = 86_400_000;
pub(crate) const BTC: UnderlyingId = UnderlyingId::new(1);
pub(crate) const ETH: UnderlyingId = UnderlyingId::new(2);
pub(crate) const BTC_ASSET: AssetId = AssetId::new(1);
pub(crate) const BTC_PERP: InstrumentId = InstrumentId::new(1);
pub(crate) const ETH_PERP: InstrumentId = InstrumentId::new(2);

pub(crate) fn dollars(value: i128) -> Notional {
    Notional::from_micros(value * 1_000_000)
}

pub(crate) fn price(value: i128) -> Price {
    Price::from_micros(value * 1_000_000)
}

pub(crate) fn underlying(id: UnderlyingId, class: u16, index: Price) -> UnderlyingInput {
    UnderlyingInput {
        underlying: id,
        class: OffsetClass::new(class),
        asset: None,
        index,
        confidence: Price::ZERO,
        scan_hold: Ppm::from_parts(160_000),
        scan_new: Ppm::from_parts(160_000),
        short_option_maintenance: Ppm::from_parts(3_000),
        short_option_initial: Ppm::from_parts(2_000),
        haircut: Ppm::from_parts(100_000),
        haircut_knee: dollars(10_000_000),
        haircut_beyond: Ppm::from_parts(100_000),
        mark_band: Ppm::ZERO,
        spread: Ppm::ZERO,
        vol_daily: Ppm::ZERO,
        volume_daily: Notional::ZERO,
        vol_move_daily: Ppm::ZERO,
        vega_daily: Notional::ZERO,
        depth: Ppm::from_parts(1_000_000),
        depth_hold: Ppm::from_parts(1_000_000),
        fee: FEE,
    }
}

pub(crate) fn instrument(
    id: u32,
    underlying: UnderlyingId,
    contract: Contract,
    size: i128,
) -> Instrument {
    Instrument {
        id: InstrumentId::new(id),
        underlying,
        contract,
        contract_size: Quantity::from_nanos(size),
        tick: Price::from_micros(100_000),
    }
}

pub(crate) fn market(instrument: Instrument, forward: Price, vol: i128) -> MarketInput {
    let vol = Vol::from_points(vol);
    let now = BlockTime::from_millis(NOW);
    let mark = mark_value(&instrument, forward, vol, now, None).unwrap();
    MarketInput {
        instrument,
        forward,
        mark,
        vol,
        vol_uncertainty: Vol::ZERO,
        basis_doubt: Price::ZERO,
        settlement: None,
        funding: Ppb::ZERO,
    }
}

pub(crate) fn expiry(days: i128) -> BlockTime {
    BlockTime::from_millis(NOW + days * DAY)
}

pub(crate) fn future(days: i128) -> Contract {
    Contract::Future { expires_at: expiry(days) }
}

pub(crate) fn option(days: i128, strike: i128, right: Right) -> Contract {
    Contract::Option { expires_at: expiry(days), strike: price(strike), right }
}

/// Inputs of a house with two underlyings, perpetuals, futures and options.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) parameters: Parameters,
    pub(crate) underlyings: Vec<UnderlyingInput>,
    pub(crate) markets: Vec<MarketInput>,
}

pub(crate) const BTC_LOT: i128 = 1_000_000; // 0.001
pub(crate) const ETH_LOT: i128 = 10_000_000; // 0.01

impl House {
    pub(crate) fn new() -> Self {
        let (btc, eth) = (price(60_000), price(3_000));
        let mut underlyings = vec![underlying(BTC, 1, btc), underlying(ETH, 1, eth)];
        underlyings[0].asset = Some(BTC_ASSET);
        let mut markets = vec![
            market(instrument(1, BTC, Contract::Perpetual, BTC_LOT), btc, 0),
            market(instrument(2, ETH, Contract::Perpetual, ETH_LOT), eth, 0),
        ];
        let mut id = 10;
        for days in [2, 30, 180] {
            for (underlying, index, size) in [(BTC, 60_000, BTC_LOT), (ETH, 3_000, ETH_LOT)] {
                let forward = price(index + index * days / 3_650);
                markets.push(market(instrument(id, underlying, future(days), size), forward, 0));
                id += 1;
                for percent in [70, 85, 95, 100, 105, 115, 140] {
                    for right in [Right::Call, Right::Put] {
                        let contract = option(days, index * percent / 100, right);
                        let vol = 5_500 + (percent - 100) * (percent - 100) / 2;
                        markets.push(market(
                            instrument(id, underlying, contract, size),
                            forward,
                            vol,
                        ));
                        id += 1;
                    }
                }
            }
        }
        Self { parameters: Parameters::default(), underlyings, markets }
    }

    /// Returns the same with four expiries more: inside the window, in five and in seventeen hours, and at the end of the day
    /// that margin looks ahead.
    pub(crate) fn expiring() -> Self {
        let mut house = Self::new();
        let mut id = 1_000;
        for minutes in [20, 300, 1_020, 1_460] {
            let expires_at = BlockTime::from_millis(NOW + minutes * 60_000);
            for (underlying, index, size) in [(BTC, 60_000, BTC_LOT), (ETH, 3_000, ETH_LOT)] {
                let settlement = (minutes < 30).then(|| Settlement {
                    fixed: Price::from_micros(index * 1_000_000 * (30 - minutes) / 30),
                    remaining: BlockSpan::from_millis(minutes * 60_000),
                });
                let mut list = |contract, vol| {
                    let listed = instrument(id, underlying, contract, size);
                    let (vol, now) = (Vol::from_points(vol), BlockTime::from_millis(NOW));
                    let mark = mark_value(&listed, price(index), vol, now, settlement).unwrap();
                    let market = market(listed, price(index), 0);
                    house.markets.push(MarketInput { mark, vol, settlement, ..market });
                    id += 1;
                };
                list(Contract::Future { expires_at }, 0);
                for percent in [95, 100, 105] {
                    for right in [Right::Call, Right::Put] {
                        let strike = price(index * percent / 100);
                        list(Contract::Option { expires_at, strike, right }, 6_000);
                    }
                }
            }
        }
        house
    }

    /// Returns that with everything switched on: doubt, spread, impact, funding, two different scan ranges, a second perpetual,
    /// and bases that may move.
    pub(crate) fn rough() -> Self {
        let mut house = Self::expiring();
        house.move_bases();
        for underlying in &mut house.underlyings {
            underlying.confidence = Price::from_micros(underlying.index.micros() / 200);
            underlying.scan_new = Ppm::from_parts(213_337);
            underlying.spread = Ppm::from_parts(301);
            underlying.vol_daily = Ppm::from_parts(30_000);
            underlying.volume_daily = dollars(50_000_000);
            underlying.vol_move_daily = Ppm::from_parts(50_000);
            underlying.vega_daily = dollars(5_000_000);
            underlying.depth = Ppm::from_parts(700_000);
            underlying.depth_hold = Ppm::from_parts(900_000);
        }
        for (place, market) in house.markets.iter_mut().enumerate() {
            market.funding = Ppb::from_parts(12_500);
            // A call's and its put's differ.
            market.vol_uncertainty = Vol::from_points(if place % 2 == 0 { 300 } else { 0 });
        }
        house
    }

    /// Lets each basis move: marks of perpetuals stand off the index, within bands of 3 and 10 %, and two expiries are not voted on.
    pub(crate) fn move_bases(&mut self) {
        for (underlying, band) in self.underlyings.iter_mut().zip([30_000, 100_000]) {
            underlying.mark_band = Ppm::from_parts(band);
        }
        let second = instrument(3, BTC, Contract::Perpetual, 10 * BTC_LOT);
        self.markets.insert(2, market(second, price(60_000), 0));
        for (market, dollars) in self.markets.iter_mut().zip([60_600, 2_850, 58_900]) {
            market.mark = price(dollars);
        }
        for market in &mut self.markets {
            let expires_at = market.instrument.contract.expires_at();
            if [expiry(30), expiry(180)].map(Some).contains(&expires_at) {
                let parts =
                    Ppm::from_parts(if expires_at == Some(expiry(30)) { 9_000 } else { 50_000 });
                market.basis_doubt = market.forward.scaled(parts, Round::Up).unwrap();
            }
        }
    }

    /// Returns a house of two underlyings, each with a perpetual and eight expiries of options.
    pub(crate) fn listing(instruments: usize) -> Self {
        let mut house = Self::new();
        house.markets.truncate(2);
        let (mut id, mut step) = (10, 0);
        while house.markets.len() < instruments {
            for (underlying, index, size) in [(BTC, 60_000, BTC_LOT), (ETH, 3_000, ETH_LOT)] {
                for days in [1, 2, 7, 14, 30, 90, 180, 360] {
                    for right in [Right::Call, Right::Put] {
                        let strike = index * (400 + step * 9) / 1_000;
                        let instrument =
                            instrument(id, underlying, option(days, strike, right), size);
                        house.markets.push(market(instrument, price(index), 6_000));
                        id += 1;
                    }
                }
            }
            step += 1;
        }
        house.markets.truncate(instruments);
        house
    }

    pub(crate) fn risk(&self) -> Risk {
        let now = BlockTime::from_millis(NOW);
        Risk::build(&self.parameters, now, &self.underlyings, &self.markets).unwrap()
    }

    pub(crate) fn find(&self, underlying: UnderlyingId, contract: Contract) -> &MarketInput {
        self.markets
            .iter()
            .find(|market| {
                market.instrument.underlying == underlying && market.instrument.contract == contract
            })
            .unwrap()
    }

    pub(crate) fn position(
        &self,
        underlying: UnderlyingId,
        contract: Contract,
        lots: i128,
    ) -> Position {
        let market = self.find(underlying, contract);
        let lots = Lots::from_count(lots);
        let worth = lots.value(market.mark, market.instrument.contract_size, Round::Down).unwrap();
        let cost = if contract.pays_premium() { Notional::ZERO } else { worth };
        Position { instrument: market.instrument.id, lots, cost }
    }

    pub(crate) fn random_positions(&self, random: &mut Random, most: u64) -> Vec<Position> {
        let mut ids: Vec<InstrumentId> = Vec::new();
        for _ in 0..=random.below(most) {
            let market =
                &self.markets[usize::try_from(random.below(self.markets.len() as u64)).unwrap()];
            ids.push(market.instrument.id);
        }
        ids.sort();
        ids.dedup();
        ids.into_iter()
            .map(|instrument| Position {
                instrument,
                lots: Lots::from_count(random.between(-2_000, 2_000)),
                cost: Notional::from_micros(random.between(-1_000_000_000, 1_000_000_000)),
            })
            .collect()
    }

    pub(crate) fn random_order(&self, random: &mut Random, within: Option<usize>) -> OpenOrder {
        let place = usize::try_from(random.below(self.markets.len() as u64)).unwrap();
        let market = &self.markets[within.unwrap_or(place)];
        let away = random.between(-30_000, 30_000);
        let limit = market.mark.scaled(Ppm::from_parts(1_000_000 + away), Round::Up).unwrap();
        OpenOrder {
            instrument: market.instrument.id,
            side: if random.below(2) == 0 { Side::Buy } else { Side::Sell },
            price: on_quantum(&market.instrument, limit, Round::Down).unwrap(),
            lots: Lots::from_count(random.between(1, 2_000)),
            fee: Notional::from_micros(random.between(0, 1_000_000)),
        }
    }

    /// Returns an order that pays the underlying's fee.
    pub(crate) fn with_fee(&self, order: OpenOrder) -> OpenOrder {
        let mut markets = self.markets.iter().map(|market| &market.instrument);
        let instrument = markets.find(|instrument| instrument.id == order.instrument).unwrap();
        let value = order.lots.value(order.price, instrument.contract_size, Round::Up).unwrap();
        OpenOrder { fee: value.fraction_ppm(FEE, Round::Up).unwrap(), ..order }
    }
}

/// Returns an order as the orders of its side, summed.
pub(crate) fn alone(order: &OpenOrder) -> SideOrders {
    let OpenOrder { instrument, side, lots, price, .. } = *order;
    SideOrders { instrument, side, lots, lowest: price, highest: price, count: 1 }
}

pub(crate) fn of<'a>(cash: i128, positions: &'a [Position]) -> Portfolio<'a> {
    Portfolio { cash: dollars(cash), positions, collateral: &[], orders: &[] }
}
