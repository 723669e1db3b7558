//! What is posted, how often, and in which order.

use std::collections::BTreeMap;

use event_model::Pipeline;

use super::{OtherSender, Sizes};
use crate::prove::{dice::Dice, person};

/// One body. Events are numbered from 0 in each pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) pipeline: Pipeline,
    /// The sender of email events, if it is not SparkPost.
    pub(crate) other: Option<OtherSender>,
    /// The number among the batches of its pipeline.
    pub(crate) number: u64,
    /// Its new events begin here.
    pub(crate) first: u64,
    /// How many new events it has.
    pub(crate) count: u64,
    /// Events that an earlier batch of the same sender, and of app events the same user, has too.
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
    /// 0, or a further number when its sender delivers it again although it was acknowledged.
    pub(crate) copy: u64,
}

/// Of ten batches, one is delivered twice or three times.
const REPEATED_PERCENT: u64 = 10;
/// One in five has events of an earlier one.
const OVERLAPPING_PERCENT: u64 = 20;
/// The largest number of events in a batch, by pipeline: SparkPost's batches are large, mParticle's have one user's events.
const fn largest(pipeline: Pipeline, other: Option<OtherSender>) -> u64 {
    match (pipeline, other) {
        (_, Some(other)) => other.largest(),
        (Pipeline::EmailEvents, None) => 400,
        (Pipeline::AppEvents, None) => 30,
        (Pipeline::ProductEvents, None) => 300,
    }
}

/// So that weights are whole numbers.
const SCALE: u64 = 400;

/// Who sends a batch: by the senders' shares of the events, divided by the mean sizes of their batches.
fn choose_sender(dice: &mut Dice, pipeline: Pipeline, percent: u64) -> Option<OtherSender> {
    if pipeline != Pipeline::EmailEvents || percent == 0 {
        return None;
    }
    let weight = |share: u64, largest: u64| share * SCALE / (largest + 1);
    let own = weight(
        100_u64.saturating_sub(percent) * 100,
        largest(pipeline, None),
    );
    let others = OtherSender::ALL.map(|other| weight(percent * other.share(), other.largest()));
    let mut chosen = dice.below(own + others.iter().sum::<u64>());
    if chosen < own {
        return None;
    }
    chosen -= own;
    for (other, weight) in OtherSender::ALL.into_iter().zip(others) {
        if chosen < weight {
            return Some(other);
        }
        chosen -= weight;
    }
    None
}

/// The batches of all pipelines: every number of every pipeline is the new event of exactly one.
pub(super) fn batches(seed: u64, sizes: &Sizes) -> Vec<Batch> {
    let mut all = Vec::new();
    for (purpose, pipeline) in (1_u64..).zip(Pipeline::ALL) {
        let mut dice = Dice::new(seed, purpose << 32);
        let total = sizes.events(pipeline);
        // Of each sender, and of app events those of the person and of others.
        let mut earlier: BTreeMap<(Option<OtherSender>, bool), Vec<u64>> = BTreeMap::new();
        let (mut first, mut number) = (0, 0);
        while first < total {
            let other = choose_sender(&mut dice, pipeline, sizes.other_senders_percent);
            let largest = largest(pipeline, other);
            let count = dice.within(1, largest).min(total - first);
            let is_of_person = person::owns_batch(pipeline, number);
            let earlier = earlier.entry((other, is_of_person)).or_default();
            let mut again = Vec::new();
            if largest > 1 && !earlier.is_empty() && dice.happens(OVERLAPPING_PERCENT) {
                again.extend((0..dice.within(1, 20)).filter_map(|_| dice.choose(earlier)));
                again.sort_unstable();
                again.dedup();
            }
            earlier.extend(first..first + count);
            let is_sparkpost = pipeline == Pipeline::EmailEvents && other.is_none();
            let has_bad = is_sparkpost && dice.happens(50);
            all.push(Batch {
                pipeline,
                other,
                number,
                first,
                count,
                again,
                bad: if has_bad { dice.within(1, 4) } else { 0 },
                // Of the other senders none compresses; Firehose does, always.
                is_gzip: pipeline != Pipeline::AppEvents && other.is_none() && dice.happens(30),
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
        let post = |copy| Post { batch, copy };
        keyed.push((share + dice.below(WHOLE / 50), post(0)));
        if dice.happens(REPEATED_PERCENT) {
            for copy in 1..=dice.within(1, 2) {
                keyed.push((share + dice.below(WHOLE / 5), post(copy)));
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
