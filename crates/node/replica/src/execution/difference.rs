//! Finding the first record on which a diverged validator and the others disagree, by bisection.
//!
//! Every validator keeps, for its last blocks, which records they wrote: keys and the hashes of what was written, in the
//! order of their keys. One that has diverged asks all others. A question is a height and a number of writes; the answer is
//! the header of that height, the hash of the first so many writes, and the one after them. Halving the heights finds the
//! first block on which the headers differ; halving its writes finds the first that differs. So a search takes some thirty
//! questions, whatever a block has written, and each answer is a few hundred bytes.
//!
//! **Invariant:** what is said was found with more than a third of the validators: one honest among them.
//!
//! **Left out:** blocks that are older than what is kept, and validators that started again since: they say less.

use crate::consensus::committee::Committees;
use crate::consensus::sizes::{self, Unread};
use crate::engine::Runtime;
use crate::execution::chain::{Chain, Halt};
use borsh::{BorshDeserialize, BorshSerialize};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Blocker, Receiver, Recipients, Sender};
use futures::future::{Either, select};
use machine::{StateKey, Write};
use protocol::codec;
use protocol::{Hash, Header};
use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Blocks whose writes are kept.
const BLOCKS_KEPT: usize = 64;
/// Writes kept in all; the newest block's are kept however many they are.
const WRITES_KEPT: usize = 1 << 18;
/// Longest message.
const MESSAGE_BYTES_MAX: usize = 2_048;
/// Time after which an unanswered question is asked again.
const PATIENCE: Duration = Duration::from_millis(500);
/// Questions of one search: both halvings, and as many again that got lost.
const QUESTIONS_MAX: u32 = 128;

/// A record that a block has written: its key, and the hash of what was written; none if it was deleted.
pub(crate) type Written = (Vec<u8>, Option<Hash>);

/// Where a diverged validator and the others part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The first height known whose outcomes differ.
    pub height: u64,
    /// The state root here.
    pub ours: Hash,
    /// The others' state root.
    pub theirs: Hash,
    /// In what.
    pub parting: Parting,
}

/// In what two outcomes of one block differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Parting {
    /// The first record, by key, to which not the same was written.
    Record {
        /// Its encoded [`StateKey`].
        key: Vec<u8>,
        /// Hash of what the block wrote here; none if nothing, or a deletion.
        ours: Option<Hash>,
        /// Hash of what it wrote with the others.
        theirs: Option<Hash>,
    },
    /// The same records were written.
    Elsewhere,
    /// One side no longer knows what the block has written.
    Forgotten,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { height, ours, theirs, parting } = self;
        write!(
            f,
            "first difference at height {height}: state root here {ours}, with the others {theirs}; "
        )?;
        let (key, ours, theirs) = match parting {
            Parting::Record { key, ours, theirs } => (key, ours, theirs),
            Parting::Elsewhere => {
                return write!(
                    f,
                    "the same records were written: receipts, events or the state before differ"
                );
            }
            Parting::Forgotten => {
                return write!(f, "what that block has written is no longer in memory");
            }
        };
        match codec::decode::<StateKey>(key, MESSAGE_BYTES_MAX) {
            Ok(key) => write!(f, "first differing record {key:?}")?,
            Err(_) => write!(f, "first differing record under a key that is none")?,
        }
        let said =
            |hash: &Option<Hash>| hash.map_or("not written".to_owned(), |hash| hash.to_string());
        write!(f, ": here {}, with the others {}", said(ours), said(theirs))
    }
}

/// What the last blocks have written.
#[derive(Debug, Default)]
pub(crate) struct Writings(Mutex<BTreeMap<u64, Vec<Written>>>);

impl Writings {
    fn blocks(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Vec<Written>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what a block has written, ascending by key.
    pub(crate) fn keep(&self, height: u64, writes: &[Write]) {
        let written = |write: &Write| {
            let hash = write.record.as_ref().map(|record| Hash::of("written", record));
            (write.key.clone(), hash)
        };
        let mut blocks = self.blocks();
        blocks.insert(height, writes.iter().map(written).collect());
        let many = |blocks: &BTreeMap<u64, Vec<Written>>| {
            blocks.len() > BLOCKS_KEPT
                || (blocks.len() > 1 && blocks.values().map(Vec::len).sum::<usize>() > WRITES_KEPT)
        };
        while many(&blocks) {
            blocks.pop_first();
        }
    }

    /// Returns how many writes a block has, if they are known.
    fn count(&self, height: u64) -> Option<u32> {
        self.blocks().get(&height).and_then(|writes| u32::try_from(writes.len()).ok())
    }

    /// Returns the hash of the first so many writes of a block, and the one after them.
    fn after(&self, height: u64, count: usize) -> (Hash, Option<Written>) {
        let blocks = self.blocks();
        let writes = blocks.get(&height).map(Vec::as_slice).unwrap_or_default();
        let first = writes.get(..count.min(writes.len())).unwrap_or_default();
        let digest = codec::encode(&first.to_vec()).map(|bytes| Hash::of("writes", &bytes));
        (digest.unwrap_or_default(), writes.get(count).cloned())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Question {
    height: u64,
    /// So many writes of that block.
    count: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Answer {
    question: Question,
    /// The header of that height, if it is known.
    header: Option<Header>,
    /// Writes of that block in all, if they are known.
    writes: Option<u32>,
    /// Hash of the first so many.
    digest: Hash,
    /// The one after them.
    next: Option<Written>,
}

#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum Message {
    Question(Question),
    Answer(Box<Answer>),
}

/// What one validator knows, for those who ask it and for its own searches.
#[derive(Debug, Clone)]
pub(crate) struct Knowledge {
    pub(crate) chain: Arc<Chain>,
    pub(crate) writings: Arc<Writings>,
}

impl Knowledge {
    fn answer(&self, question: Question) -> Answer {
        let count = usize::try_from(question.count).unwrap_or(usize::MAX);
        let (digest, next) = self.writings.after(question.height, count);
        Answer {
            question,
            header: self.chain.outcome(question.height).map(|(header, _)| header),
            writes: self.writings.count(question.height),
            digest,
            next,
        }
    }
}

/// A search with one other validator.
#[derive(Debug)]
struct Search {
    asked: Question,
    questions: u32,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The first height whose headers differ lies within these.
    Heights {
        low: u64,
        high: u64,
    },
    /// Of the block of this height, at least `low` writes are the same, and at most `high`.
    Writes {
        low: u32,
        high: u32,
    },
    Found(Difference),
    /// The other does not know, or contradicts itself.
    Over,
}

impl Search {
    fn new(oldest: u64, diverged: u64) -> Self {
        let low = oldest.min(diverged);
        let mut this = Self {
            asked: Question { height: diverged, count: 0 },
            questions: 0,
            stage: Stage::Heights { low, high: diverged },
        };
        this.ask();
        this
    }

    /// Chooses the next question.
    fn ask(&mut self) {
        match self.stage {
            Stage::Heights { low, high } => {
                self.asked = Question { height: low + (high - low) / 2, count: 0 };
            }
            Stage::Writes { low, high } => self.asked.count = low + (high - low).div_ceil(2),
            Stage::Found(_) | Stage::Over => {}
        }
    }

    fn is_open(&self) -> bool {
        self.questions < QUESTIONS_MAX
            && matches!(self.stage, Stage::Heights { .. } | Stage::Writes { .. })
    }

    /// Takes an answer in, and chooses the next question.
    fn hear(&mut self, heard: &Answer, ours: &Answer) {
        if heard.question != self.asked {
            return;
        }
        let (Some(here), Some(there)) = (ours.header, heard.header) else {
            self.stage = Stage::Over;
            return;
        };
        let (asked, same) = (self.asked, here == there);
        let found = |parting| {
            let (height, ours, theirs) = (asked.height, here.state_root, there.state_root);
            Stage::Found(Difference { height, ours, theirs, parting })
        };
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
            // What follows a difference differs, for headers name their parents.
            Stage::Heights { low, high } if low < high => match same {
                true => Stage::Heights { low: asked.height + 1, high },
                false => Stage::Heights { low, high: asked.height },
            },
            Stage::Heights { .. } if same => Stage::Over,
            Stage::Heights { .. } => match (ours.writes, heard.writes) {
                (Some(here), Some(there)) => Stage::Writes { low: 0, high: here.min(there) },
                _ => found(Parting::Forgotten),
            },
            Stage::Writes { .. } if same => Stage::Over,
            Stage::Writes { low, high } if low < high => match ours.digest == heard.digest {
                true => Stage::Writes { low: asked.count, high },
                false => Stage::Writes { low, high: asked.count.saturating_sub(1) },
            },
            Stage::Writes { .. } => found(parted(ours.next.clone(), heard.next.clone())),
            stage => stage,
        };
        self.ask();
    }
}

/// Returns the record on which two differ, given the first write after all that are the same. The smaller key is the one
/// that only one of them wrote.
fn parted(ours: Option<Written>, theirs: Option<Written>) -> Parting {
    let record = |key, ours, theirs| Parting::Record { key, ours, theirs };
    match (ours, theirs) {
        (None, None) => Parting::Elsewhere,
        (Some((key, hash)), None) => record(key, hash, None),
        (None, Some((key, hash))) => record(key, None, hash),
        (Some((here, ours)), Some((there, theirs))) => match here.cmp(&there) {
            std::cmp::Ordering::Less => record(here, ours, None),
            std::cmp::Ordering::Greater => record(there, None, theirs),
            std::cmp::Ordering::Equal => record(here, ours, theirs),
        },
    }
}

/// Answers those who have diverged, and asks around once this validator has.
pub(crate) async fn run<E: Runtime>(
    runtime: E,
    mut sender: impl Sender<PublicKey = PublicKey>,
    mut receiver: impl Receiver<PublicKey = PublicKey>,
    mut blocker: impl Blocker<PublicKey = PublicKey>,
    committees: Arc<Committees>,
    knowledge: Knowledge,
) {
    let mut searches: Option<BTreeMap<PublicKey, Search>> = None;
    let mut asked_at = runtime.current();
    loop {
        let diverged = match knowledge.chain.halted() {
            Some(Halt::Diverged { height, difference: None, .. }) => Some(height),
            _ => None,
        };
        if let (Some(height), None) = (diverged, &searches) {
            let oldest = knowledge.chain.oldest().unwrap_or(height);
            let begun = |peer: &PublicKey| (peer.clone(), Search::new(oldest, height));
            let present = committees.present();
            let peers = present.iter().flat_map(|committee| committee.participants().iter());
            let begun: BTreeMap<_, _> = peers.map(begun).collect();
            for (peer, search) in &begun {
                send(&mut sender, peer, &Message::Question(search.asked));
            }
            asked_at = runtime.current();
            searches = Some(begun);
        }
        let open =
            diverged.is_some() && searches.iter().flat_map(BTreeMap::values).any(Search::is_open);
        let received = pin!(receiver.recv());
        let heard = if open {
            let again = pin!(runtime.sleep_until(asked_at + PATIENCE));
            match select(received, again).await {
                Either::Left((heard, _)) => Some(heard),
                Either::Right(_) => None,
            }
        } else if searches.is_none() {
            let halts = pin!(knowledge.chain.halts());
            match select(received, halts).await {
                Either::Left((heard, _)) => Some(heard),
                Either::Right(_)
                    if knowledge.chain.halted().is_some_and(|halt| {
                        matches!(halt, Halt::Diverged { difference: None, .. })
                    }) =>
                {
                    None
                }
                // It goes no further for another reason: nothing is to be searched for.
                Either::Right(_) => {
                    searches = Some(BTreeMap::new());
                    None
                }
            }
        } else {
            Some(received.await)
        };
        let Some(heard) = heard else {
            for (peer, search) in searches.iter_mut().flatten() {
                if search.is_open() {
                    search.questions += 1;
                    send(&mut sender, peer, &Message::Question(search.asked));
                }
            }
            asked_at = runtime.current();
            continue;
        };
        let Ok((peer, bytes)) = heard else { return };
        match sizes::read::<Message>(bytes.as_ref(), MESSAGE_BYTES_MAX) {
            Ok(Message::Question(question)) => {
                send(&mut sender, &peer, &Message::Answer(Box::new(knowledge.answer(question))));
            }
            Ok(Message::Answer(answer)) => {
                let search = searches.as_mut().and_then(|searches| searches.get_mut(&peer));
                let Some(search) = search.filter(|search| search.is_open()) else { continue };
                search.hear(&answer, &knowledge.answer(search.asked));
                search.questions += 1;
                if search.is_open() {
                    send(&mut sender, &peer, &Message::Question(search.asked));
                }
                let validators = searches.as_ref().map_or(1, BTreeMap::len);
                let found = searches.iter().flat_map(BTreeMap::values);
                if let Some(difference) = agreed(found, validators) {
                    knowledge.chain.explain(difference);
                }
            }
            Err(Unread::TooLong) => {}
            Err(Unread::Malformed) => {
                blocker.block(peer);
            }
        }
    }
}

fn send(sender: &mut impl Sender<PublicKey = PublicKey>, to: &PublicKey, message: &Message) {
    if let Some(bytes) = sizes::message(message, MESSAGE_BYTES_MAX) {
        // What is lost is asked again.
        sender.send(Recipients::One(to.clone()), bytes, false);
    }
}

/// Returns what more than a third of the validators have shown alike.
fn agreed<'a>(searches: impl Iterator<Item = &'a Search>, validators: usize) -> Option<Difference> {
    let mut shown: BTreeMap<&Difference, usize> = BTreeMap::new();
    for search in searches {
        if let Stage::Found(difference) = &search.stage {
            *shown.entry(difference).or_default() += 1;
        }
    }
    shown.into_iter().find(|(_, count)| *count * 3 > validators - 1).map(|(held, _)| held.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::{BlockHeight, BlockTime};

    const HEIGHTS: u64 = 40;

    fn key(number: u16) -> Vec<u8> {
        number.to_be_bytes().to_vec()
    }

    fn write(number: u16, value: u8) -> Write {
        Write { key: key(number), record: Some(vec![value]) }
    }

    /// What a validator knows whose blocks, from a height on, write other records than those of the rest.
    fn knowledge(wrong_from: u64, wrong: &dyn Fn(Vec<Write>) -> Vec<Write>) -> Knowledge {
        let mut headers = Vec::new();
        let writings = Writings::default();
        let mut parent = Hash::default();
        for height in 0..=HEIGHTS {
            let sound: Vec<Write> = (0..50).map(|number| write(2 * number, 7)).collect();
            let writes = if height >= wrong_from { wrong(sound) } else { sound };
            let bytes: Vec<u8> = writes
                .iter()
                .flat_map(|write| write.key.iter().chain(write.record.iter().flatten()).copied())
                .collect();
            let header = Header {
                height: BlockHeight::from_blocks(i128::from(height)),
                time: BlockTime::from_millis(i128::from(height)),
                parent,
                body: Hash::default(),
                receipts: Hash::default(),
                state_root: Hash::of("root", &[parent.bytes().as_slice(), &bytes].concat()),
                snapshot: Hash::default(),
            };
            parent = header.hash().expect("within limits");
            headers.push(header);
            writings.keep(height, &writes);
        }
        let chain = Chain::new(&headers).expect("within limits");
        Knowledge { chain: Arc::new(chain), writings: Arc::new(writings) }
    }

    /// Searches with one other. Returns what was found, and after how many questions.
    fn search(ours: &Knowledge, theirs: &Knowledge) -> (Option<Difference>, u32) {
        let mut search = Search::new(0, HEIGHTS);
        while search.is_open() {
            let asked = search.asked;
            search.hear(&theirs.answer(asked), &ours.answer(asked));
            search.questions += 1;
        }
        match search.stage {
            Stage::Found(found) => (Some(found), search.questions),
            _ => (None, search.questions),
        }
    }

    fn sound() -> Knowledge {
        knowledge(u64::MAX, &|writes| writes)
    }

    #[test]
    fn the_first_record_that_differs_is_found_wherever_it_is_and_whatever_follows() {
        for height in [1, 2, 20, HEIGHTS - 1, HEIGHTS] {
            for number in [0, 1, 2, 25, 49] {
                let wrong = knowledge(height, &|mut writes| {
                    writes.iter_mut().skip(number).for_each(|write| write.record = Some(vec![8]));
                    writes
                });
                let (found, questions) = search(&wrong, &sound());
                let found = found.expect("it is there");
                assert_eq!(found.height, height);
                assert_ne!(found.ours, found.theirs);
                let Parting::Record { key: found, ours, theirs } = found.parting else {
                    panic!("a record differs")
                };
                assert_eq!(found, key(2 * u16::try_from(number).expect("small")));
                assert!(ours.is_some() && theirs.is_some() && ours != theirs);
                assert!(questions <= 16, "{questions} questions for {HEIGHTS} blocks of 50 writes");
            }
        }
    }

    #[test]
    fn a_record_that_only_one_of_them_wrote_is_named() {
        let more = knowledge(5, &|mut writes| {
            writes.push(write(31, 1));
            writes.sort_by(|a, b| a.key.cmp(&b.key));
            writes
        });
        let named = |ours: &Knowledge, theirs: &Knowledge| match search(ours, theirs).0 {
            Some(Difference { parting: Parting::Record { key, ours, theirs }, .. }) => {
                (key, ours.is_some(), theirs.is_some())
            }
            found => panic!("{found:?}"),
        };
        assert_eq!(named(&more, &sound()), (key(31), true, false));
        assert_eq!(named(&sound(), &more), (key(31), false, true));
        let fewer = knowledge(5, &|mut writes| {
            writes.pop();
            writes
        });
        assert_eq!(named(&fewer, &sound()), (key(98), false, true));
    }

    #[test]
    fn what_was_forgotten_is_not_made_up_and_what_is_equal_has_no_difference() {
        let wrong = knowledge(5, &|_| vec![write(1, 1)]);
        let forgetful = Knowledge { writings: Arc::default(), ..wrong };
        let (found, _) = search(&forgetful, &sound());
        let found = found.expect("the roots still differ");
        assert_eq!((found.height, found.parting), (5, Parting::Forgotten));
        assert_eq!(search(&sound(), &sound()).0, None);
    }

    #[test]
    fn one_liar_says_nothing_that_is_believed() {
        let wrong = knowledge(5, &|_| vec![write(1, 1)]);
        let liar = knowledge(3, &|_| vec![write(2, 2)]);
        let searched = |theirs: &Knowledge| Search {
            asked: Question { height: 0, count: 0 },
            questions: 0,
            stage: search(&wrong, theirs).0.map_or(Stage::Over, Stage::Found),
        };
        let [one, other, lying] = [searched(&sound()), searched(&sound()), searched(&liar)];
        assert_eq!(agreed([&one, &lying].into_iter(), 4), None);
        let found = agreed([&lying, &one, &other].into_iter(), 4).expect("two of four agree");
        assert_eq!(found.height, 5);
        assert_eq!(agreed([&one, &other].into_iter(), 7), None, "of seven, two may lie");
    }

    #[test]
    fn writings_are_bounded_and_the_newest_stay() {
        let writings = Writings::default();
        for height in 0..200 {
            writings.keep(height, &[write(1, 1)]);
        }
        assert_eq!(writings.count(199), Some(1));
        assert_eq!(writings.count(200 - BLOCKS_KEPT as u64 - 1), None);
        let many: Vec<Write> = (0..u16::MAX).map(|number| write(number, 1)).collect();
        for height in 200..210 {
            writings.keep(height, &many);
        }
        assert!(writings.blocks().values().map(Vec::len).sum::<usize>() <= WRITES_KEPT);
        assert!(writings.count(209).is_some());
    }
}
