//! A history that breaks a rule, made short: steps and acts are left out as long as the same rule is broken.

use crate::act::History;
use crate::judge::Breach;
use crate::run::play;

/// Histories that are tried at most.
const TRIES: usize = 600;

/// Returns a short history that breaks the same rule, and how it does.
pub(crate) fn shrink(history: &History, breach: &Breach) -> (History, Breach) {
    let mut shrinker = Shrinker { best: history.clone(), breach: breach.clone(), tries: TRIES };
    shrinker.best.steps.truncate(breach.step + 1);
    let mut length = shrinker.best.steps.len() / 2;
    while length > 0 {
        if !shrinker.pass(length) {
            length /= 2;
        }
    }
    shrinker.acts();
    (shrinker.best, shrinker.breach)
}

struct Shrinker {
    best: History,
    breach: Breach,
    tries: usize,
}

impl Shrinker {
    /// Keeps a history if it breaks the same rule.
    fn keep(&mut self, shorter: History) -> bool {
        if self.tries == 0 {
            return false;
        }
        self.tries -= 1;
        match play(&shorter).verdict {
            Err(breach) if breach.rule == self.breach.rule => {
                (self.best, self.breach) = (shorter, breach);
                self.best.steps.truncate(self.breach.step + 1);
                true
            }
            _ => false,
        }
    }

    /// Leaves out one stretch of steps after another; returns whether any could be.
    fn pass(&mut self, length: usize) -> bool {
        let (mut from, mut kept) = (0, false);
        while from < self.best.steps.len() {
            let mut shorter = self.best.clone();
            let to = (from + length).min(shorter.steps.len());
            shorter.steps.drain(from..to);
            match self.keep(shorter) {
                true => kept = true,
                false => from += length,
            }
            if self.tries == 0 {
                return false;
            }
        }
        kept
    }

    /// Leaves out single acts.
    fn acts(&mut self) {
        let mut step = 0;
        while step < self.best.steps.len() {
            let mut act = 0;
            while self.best.steps.get(step).is_some_and(|here| act < here.acts.len()) {
                let mut shorter = self.best.clone();
                shorter.steps[step].acts.remove(act);
                if !self.keep(shorter) {
                    act += 1;
                }
            }
            step += 1;
        }
    }
}
