//! What is posted, how often, and in which order.

use event_model::Pipeline;

use super::Sizes;
use crate::prove::dice::Dice;

/// One body. Events are numbered from 0 in each pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) pipeline: Pipeline,
    /// The number among the batches of its pipeline.
    pub(crate) number: u64,
    /// Its new events begin here.
    pub(crate) first: u64,
    /// How many new events it has.
    pub(crate) count: u64,
    /// Events that an earlier batch has too.
    pub(crate) again: Vec<u64>,
    /// Items that are rejected, in addition to the events.
    pub(crate) bad: u64,
    /// Whether it is sent compressed.
    pub(crate) is_gzip: bool,
}

/// One delivery of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Post {
    /// The index of the batch in the plan.
    pub(crate) batch: usize,
}

/// Of ten batches, one is delivered twice or three times.
const REPEATED_PERCENT: u64 = 10;
/// One in five has events of an earlier one.
const OVERLAPPING_PERCENT: u64 = 20;
/// The largest number of events in a batch, by pipeline: SparkPost's batches are large, mParticle's have one user's events.
const fn largest(pipeline: Pipeline) -> u64 {
    match pipeline {
        Pipeline::EmailEvents => 400,
        Pipeline::AppEvents => 30,
        Pipeline::ProductEvents => 300,
    }
}

/// The batches of all pipelines: every number of every pipeline is the new event of exactly one.
pub(super) fn batches(seed: u64, sizes: &Sizes) -> Vec<Batch> {
    let mut all = Vec::new();
    for (purpose, pipeline) in (1_u64..).zip(Pipeline::ALL) {
        let mut dice = Dice::new(seed, purpose << 32);
        let total = sizes.events(pipeline);
        let (mut first, mut number) = (0, 0);
        while first < total {
            let count = dice.within(1, largest(pipeline)).min(total - first);
            let again = if first > 0 && dice.happens(OVERLAPPING_PERCENT) {
                let mut again: Vec<u64> =
                    (0..dice.within(1, 20)).map(|_| dice.below(first)).collect();
                again.sort_unstable();
                again.dedup();
                again
            } else {
                Vec::new()
            };
            let has_bad = pipeline == Pipeline::EmailEvents && dice.happens(20);
            all.push(Batch {
                pipeline,
                number,
                first,
                count,
                again,
                bad: if has_bad { dice.within(1, 4) } else { 0 },
                is_gzip: pipeline != Pipeline::AppEvents && dice.happens(30),
            });
            first += count;
            number += 1;
        }
    }
    all
}

/// The deliveries: the pipelines side by side, repeated batches later again, and each some places from where it should be.
pub(super) fn posts(seed: u64, batches: &[Batch]) -> Vec<Post> {
    const WHOLE: u64 = 1_000_000;
    let mut dice = Dice::new(seed, 0x0070_6f73_7473);
    let mut totals = [0_u64; 3];
    for batch in batches {
        totals[index(batch.pipeline)] += 1;
    }
    let mut keyed: Vec<(u64, Post)> = Vec::new();
    for (batch, described) in batches.iter().enumerate() {
        let share = described.number * WHOLE / totals[index(described.pipeline)].max(1);
        let post = Post { batch };
        keyed.push((share + dice.below(WHOLE / 50), post));
        if dice.happens(REPEATED_PERCENT) {
            for _ in 0..dice.within(1, 2) {
                keyed.push((share + dice.below(WHOLE / 5), post));
            }
        }
    }
    keyed.sort_by_key(|(at, _)| *at);
    keyed.into_iter().map(|(_, post)| post).collect()
}

const fn index(pipeline: Pipeline) -> usize {
    match pipeline {
        Pipeline::EmailEvents => 0,
        Pipeline::AppEvents => 1,
        Pipeline::ProductEvents => 2,
    }
}

impl Batch {
    /// Every event in it, new ones first.
    pub(crate) fn events(&self) -> impl Iterator<Item = u64> {
        (self.first..self.first + self.count).chain(self.again.iter().copied())
    }
}
