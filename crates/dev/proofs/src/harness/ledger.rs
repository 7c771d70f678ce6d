//! The ledger: transfers, postings, changes that apply together.

use super::world::ledger::{Changes, Holder, Ledger, Posting, moved};
use super::world::protocol::{AccountIndex, AssetId, Fault as OurFault, Refusal, UnderlyingId};
use super::world::units::{Amount, ArithmeticError, limits};
use super::world::{Claim, Exact, Prover};
use super::{Unit, fits, flip, whole};
use symx::{Fault, Harness};

pub(super) const ALL: &[Harness<Prover>] = &[
    Harness {
        name: "ledger: a transfer is accepted if and only if it is valid, and moves exactly its amount",
        covers: &["moved", "not positive", "too large", "short"],
        canary: Fault::Difference,
        run: transfer,
    },
    Harness {
        name: "ledger: a posting moves exactly its amount, or changes nothing",
        covers: &["posted", "to oneself", "stranger", "over the limit", "over 128 bits"],
        canary: Fault::Order,
        run: posting,
    },
    Harness {
        name: "ledger: changes apply all together, by their net, or not at all",
        covers: &["applied", "refused"],
        canary: Fault::Order,
        run: changes,
    },
    Harness {
        name: "ledger: changes that do not sum to zero are refused with what is missing",
        covers: &["not conserved", "over the limit"],
        canary: Fault::Equality,
        run: unbalanced,
    },
    Harness {
        name: "ledger: books that do not sum to zero are found with what is missing",
        covers: &["sound", "found"],
        canary: Fault::Equality,
        run: audit,
    },
    Harness {
        name: "ledger: what is listed is what is held",
        covers: &["listed", "nothing held"],
        canary: Fault::Equality,
        run: listing,
    },
];

fn transfer(prover: &mut Prover) {
    let mut limited = |name| Amount::limited(prover, name);
    let (payer, receiver, floor) = (limited("payer"), limited("receiver"), limited("floor"));
    let amount = Amount::any(prover, "amount");
    let limit = whole(limits::BALANCE_MICROS_MAX);
    let left = payer.exact() - amount.exact();
    let positive = whole(0).below(amount.exact());
    let small = amount.exact().at_most(limit);
    match moved(payer, receiver, amount, floor) {
        Ok(Ok(after)) => {
            prover.cover("moved");
            prover.observe("payer", after.payer.exact());
            prover.observe("receiver", after.receiver.exact());
            prover.check(&positive, "an amount is positive");
            prover.check(&small, "an amount is within the limits");
            prover.check(&floor.exact().at_most(left), "the payer stays at the floor or above");
            prover.check(&after.payer.exact().equals(left), "the payer has paid the amount");
            let received = receiver.exact() + amount.exact();
            prover.check(&after.receiver.exact().equals(received), "the receiver has it");
        }
        Ok(Err(Refusal::AmountNotPositive)) => {
            prover.cover("not positive");
            prover.check(&positive.not(), "only what is not positive is refused so");
        }
        Ok(Err(Refusal::AmountTooLarge)) => {
            prover.cover("too large");
            prover.check(&small.not(), "only what is above the limits is refused so");
        }
        Ok(Err(Refusal::BalanceShort { short_by })) => {
            prover.cover("short");
            prover.observe("short by", short_by.exact());
            prover.check(&positive.and(small), "a valid amount comes before the balance");
            prover.check(&left.below(floor.exact()), "only what is not covered is short");
            let missing = floor.exact() - left;
            prover.check(&short_by.exact().equals(missing), "it is short by what is missing");
        }
        Ok(Err(_)) => prover.never("a transfer has three refusals"),
        Err(_) => prover.never("limited balances have no overflow"),
    }
}

const OTHER: AssetId = AssetId::new(7);

/// A ledger with two clients and two funds, each with any balance of dollars and the first with another asset.
struct Books {
    ledger: Ledger,
    first: Holder,
    second: Holder,
}

/// The first holder of the house there is.
const FUND: Holder = Holder::Insurance(UnderlyingId::new(0));

impl Books {
    /// Returns books with any balances that the ledger takes.
    fn any(prover: &mut Prover) -> Self {
        let mut ledger = Ledger::default();
        let mut open = || Holder::Client(ledger.open().expect("indices are left"));
        let (first, second) = (open(), open());
        let mut changes = Changes::default();
        for (name, to, asset) in [
            ("first", first, AssetId::DOLLAR),
            ("second", second, AssetId::DOLLAR),
            ("fund", FUND, AssetId::DOLLAR),
            ("other", first, OTHER),
        ] {
            let amount = Amount::limited(prover, name);
            let given = changes.post(Posting { from: Holder::Outside, to, asset, amount });
            prover.assume(&Claim::constant(given.is_ok()));
        }
        prover.assume(&Claim::constant(ledger.apply(&changes).is_ok()));
        Self { ledger, first, second }
    }

    /// As [`Books::any`], with no balance of zero but those of the clients: fewer paths.
    fn any_full(prover: &mut Prover) -> Self {
        let books = Self::any(prover);
        let held = [
            books.ledger.balance(FUND, AssetId::DOLLAR),
            books.ledger.balance(Holder::Outside, AssetId::DOLLAR),
            books.ledger.balance(books.first, OTHER),
        ];
        for balance in held {
            prover.assume(&balance.exact().equals(whole(0)).not());
        }
        books
    }

    fn holders(&self) -> [Holder; 5] {
        [self.first, self.second, FUND, Holder::Fees, Holder::Outside]
    }

    fn balances(&self, asset: AssetId) -> [Exact; 5] {
        self.holders().map(|holder| self.ledger.balance(holder, asset).exact())
    }

    /// Proves that the balances of both assets are as expected, and that the books balance.
    fn check(&self, prover: &mut Prover, expected: [[Exact; 5]; 2], what: &str) {
        let mut all = Claim::constant(true);
        for (asset, expected) in ASSETS.into_iter().zip(expected) {
            for (balance, expected) in self.balances(asset).into_iter().zip(expected) {
                prover.observe("balance", balance);
                all = all.and(balance.equals(expected));
            }
        }
        prover.check(&all, what);
        if self.ledger.check().is_err() {
            prover.never("the balances of an asset sum to zero");
        }
    }
}

const ASSETS: [AssetId; 2] = [AssetId::DOLLAR, OTHER];

/// Returns one of the values, exploring all.
fn pick<T: Copy>(prover: &mut Prover, name: &str, values: &[T]) -> T {
    let (last, others) = values.split_last().expect("there is something to pick");
    let choice = prover.any(name, 0, i128::try_from(others.len()).expect("a few"));
    let at = |index: usize| whole(i128::try_from(index).expect("a few"));
    let mut is = |index| prover.decide(&choice.equals(at(index)));
    others.iter().enumerate().find(|(index, _)| is(*index)).map_or(*last, |(_, value)| *value)
}

fn posting(prover: &mut Prover) {
    let mut books = Books::any_full(prover);
    let stranger = Holder::Client(AccountIndex::new(9));
    let (first, second) = (books.first, books.second);
    let pairs = [
        (first, second),
        (first, first),
        (FUND, first),
        (second, Holder::Outside),
        (Holder::Fees, FUND),
        (stranger, first),
    ];
    let (from, to) = pick(prover, "pair", &pairs);
    let asset = if flip(prover, "in dollars") { AssetId::DOLLAR } else { OTHER };
    let amount = Amount::any(prover, "amount");
    let before = ASSETS.map(|asset| books.balances(asset));
    let posted = books.ledger.post(Posting { from, to, asset, amount });

    let limit = whole(limits::BALANCE_MICROS_MAX);
    let negatable = fits(-amount.exact());
    let mut expected = before;
    let mut within = negatable.clone();
    for (index, holder) in books.holders().into_iter().enumerate() {
        let row = if asset == AssetId::DOLLAR { 0 } else { 1 };
        let of = |party| if holder == party { amount.exact() } else { whole(0) };
        let after = expected[row][index] - of(from) + of(to);
        expected[row][index] = after;
        within = within.and(after.within(-limit, limit));
    }
    match &posted {
        Ok(()) => {
            prover.cover(if from == to { "to oneself" } else { "posted" });
            prover.check(&within, "only balances within the limit are written");
            if from == stranger {
                prover.never("a stranger holds nothing");
            }
        }
        Err(fault) => {
            expected = before;
            let (label, claim) = match fault {
                OurFault::Missing(_) if from == stranger => ("stranger", negatable),
                OurFault::Arithmetic { error: ArithmeticError::Overflow, .. } => {
                    ("over 128 bits", within.not())
                }
                OurFault::Arithmetic { error: ArithmeticError::OutOfLimits, .. } => {
                    ("over the limit", within.not())
                }
                _ => ("no other fault", Claim::constant(false)),
            };
            prover.check(&claim, "a refusal has its reason");
            prover.cover(label);
        }
    }
    books.check(prover, expected, "balances are as posted, others untouched");
}

fn changes(prover: &mut Prover) {
    let mut books = Books::any_full(prover);
    let (first, second) = (books.first, books.second);
    let x = Amount::limited(prover, "x");
    let y = Amount::limited(prover, "y");
    let mut changes = Changes::default();
    let dollars = |from, to, amount| Posting { from, to, asset: AssetId::DOLLAR, amount };
    let posted = changes
        .post(dollars(first, second, x))
        .and_then(|()| changes.post(dollars(second, FUND, y)))
        .and_then(|()| changes.post(Posting { asset: OTHER, ..dollars(first, second, y) }));
    if posted.is_err() {
        prover.never("limited amounts are gathered");
    }
    let net = |holder, asset| changes.net(holder, asset).exact();
    let middle = x.exact() - y.exact();
    let nets = net(first, AssetId::DOLLAR)
        .equals(-x.exact())
        .and(net(second, AssetId::DOLLAR).equals(middle))
        .and(net(FUND, AssetId::DOLLAR).equals(y.exact()))
        .and(net(first, OTHER).equals(-y.exact()))
        .and(net(Holder::Fees, OTHER).equals(whole(0)));
    prover.check(&nets, "the net of each is what was posted to it");
    prover.check(&Claim::constant(changes.iter().count() == 5), "five balances change");
    let before = ASSETS.map(|asset| books.balances(asset));
    let limit = whole(limits::BALANCE_MICROS_MAX);
    let mut expected = before;
    let mut within = Claim::constant(true);
    for (row, asset) in ASSETS.into_iter().enumerate() {
        for (index, holder) in books.holders().into_iter().enumerate() {
            expected[row][index] = expected[row][index] + net(holder, asset);
            within = within.and(expected[row][index].within(-limit, limit));
        }
    }
    if let Ok(prepared) = books.ledger.prepare(&changes) {
        prover.cover("applied");
        prover.check(&within, "only balances within the limit are written");
        let listed = prepared.iter().map(|(holder, asset, after)| {
            let net = changes.net(holder, asset).exact();
            after.exact().equals(books.ledger.balance(holder, asset).exact() + net)
        });
        let (count, all) =
            listed.fold((0, Claim::constant(true)), |(n, all), claim| (n + 1, all.and(claim)));
        prover.check(&all.and(Claim::constant(count == 5)), "what will be written is listed");
        books.ledger.commit(prepared);
    } else {
        prover.cover("refused");
        prover.check(&within.not(), "only a balance over the limit is refused");
        expected = before;
    }
    books.check(prover, expected, "all changes are applied, or none");
}

/// A posting that does not fit half-way leaves changes in which somebody has paid and nobody was paid.
fn unbalanced(prover: &mut Prover) {
    let mut books = Books::any_full(prover);
    let lost = Amount::limited(prover, "lost");
    prover.assume(&whole(0).below(lost.exact()));
    let mut changes = Changes::default();
    let first = books.first;
    let dollars = |from, to, amount| Posting { from, to, asset: AssetId::DOLLAR, amount };
    let brim = Amount::from_minor(i128::MAX);
    let filled = changes.post(dollars(Holder::Outside, first, brim)).is_ok();
    let broken = changes.post(dollars(FUND, first, lost)).is_err();
    let emptied = changes.post(dollars(first, Holder::Outside, brim)).is_ok();
    prover.check(&Claim::constant(filled && broken && emptied), "only the second does not fit");
    let left = books.ledger.balance(FUND, AssetId::DOLLAR).exact() - lost.exact();
    let limit = whole(limits::BALANCE_MICROS_MAX);
    let within = left.within(-limit, limit);
    let before = ASSETS.map(|asset| books.balances(asset));
    match books.ledger.apply(&changes) {
        Err(OurFault::NotConserved { asset: AssetId::DOLLAR, before, after }) => {
            prover.cover("not conserved");
            prover.observe("missing", after.exact());
            prover.check(&before.exact().equals(whole(0)), "nothing was missing before");
            prover.check(&after.exact().equals(-lost.exact()), "what was paid to nobody is");
            prover.check(&within, "a balance over its limit comes first");
        }
        Err(OurFault::Arithmetic { error: ArithmeticError::OutOfLimits, .. }) => {
            prover.cover("over the limit");
            prover.check(&within.not(), "only a balance over the limit is refused so");
        }
        _ => prover.never("what was paid to nobody is noticed"),
    }
    books.check(prover, before, "nothing is applied");
}

/// Balances that were prepared for one ledger and written into another do not balance, unless they happen to.
fn audit(prover: &mut Prover) {
    let books = Books::any(prover);
    let paid = Amount::limited(prover, "paid");
    let mut changes = Changes::default();
    let posting = Posting::dollars(Holder::Outside, books.first, paid.notional());
    prover.assume(&Claim::constant(changes.post(posting).is_ok()));
    let Ok(prepared) = books.ledger.prepare(&changes) else { return };
    let mut other = Ledger::default();
    prover.check(&Claim::constant(other.open().is_some()), "there is room for a client");
    other.commit(prepared);
    let sum = other.balance(books.first, AssetId::DOLLAR).exact()
        + other.balance(Holder::Outside, AssetId::DOLLAR).exact();
    match other.check() {
        Ok(()) => {
            prover.cover("sound");
            prover.check(&sum.equals(whole(0)), "sound books sum to zero");
        }
        Err(OurFault::NotConserved { asset: AssetId::DOLLAR, before, after }) => {
            prover.cover("found");
            prover.observe("sum", after.exact());
            prover.check(&before.exact().equals(whole(0)), "it should be zero");
            prover.check(&after.exact().equals(sum), "the sum is stated");
            prover.check(&sum.equals(whole(0)).not(), "only what is not zero is found");
        }
        Err(_) => prover.never("limited balances can be added up"),
    }
}

fn listing(prover: &mut Prover) {
    let Books { ledger, first, second } = Books::any(prover);
    let (Holder::Client(one), Holder::Client(two)) = (first, second) else {
        return prover.never("clients are clients");
    };
    let dollars = |holder| ledger.balance(holder, AssetId::DOLLAR).exact();
    let cash = |client| ledger.cash(client).exact();
    let same = cash(one).equals(dollars(first)).and(cash(two).equals(dollars(second)));
    prover.check(&same, "cash is the balance of dollars");
    let nobody = dollars(Holder::Client(AccountIndex::new(9)));
    prover.check(&nobody.equals(whole(0)), "a stranger holds nothing");
    let held = ledger.balance(first, OTHER);
    let listed: Vec<_> = ledger.collateral(one).collect();
    match listed[..] {
        [] => {
            prover.cover("nothing held");
            prover.check(&held.exact().equals(whole(0)), "what is held is listed");
        }
        [(OTHER, amount)] => {
            prover.cover("listed");
            prover.observe("held", amount.exact());
            prover.check(&amount.exact().equals(held.exact()), "what is listed is held");
            prover.check(&held.exact().equals(whole(0)).not(), "nothing is not listed");
        }
        _ => prover.never("the client has one other asset at most"),
    }
    if ledger.collateral(two).next().is_some() {
        prover.never("what belongs to others is not listed");
    }
    let (mut funds, mut outside) = (whole(0), whole(0));
    for (holder, asset, amount) in ledger.house() {
        prover.check(
            &amount.exact().equals(ledger.balance(holder, asset).exact()),
            "what the house lists it has",
        );
        match (holder, asset) {
            (FUND, AssetId::DOLLAR) => funds = funds + amount.exact(),
            (Holder::Outside, AssetId::DOLLAR) => outside = outside + amount.exact(),
            (Holder::Outside, OTHER) => {}
            _ => prover.never("no client is of the house"),
        }
    }
    let fund = dollars(FUND);
    prover.check(&funds.equals(fund), "the fund is of the house");
    let clients = cash(one) + cash(two);
    prover.check(&(outside + clients + fund).equals(whole(0)), "the outside mirrors what is held");
}
