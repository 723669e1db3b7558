//! What a run does, as a pure value: the same seed and sizes give the same plan.
//!
//! Times are counted in posts, not in seconds, so that a plan is the same on a slow and on a fast machine.

mod batches;
mod fault;
mod other_sender;

use event_model::Pipeline;

use self::batches::{batches, posts};
pub(crate) use self::{
    batches::{Batch, Post},
    fault::{Fault, Site},
    other_sender::OtherSender,
};
use super::dice::Dice;

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Different email events.
    pub(crate) email_events: u64,
    /// How many of a hundred email events are of other senders than SparkPost.
    pub(crate) other_senders_percent: u64,
    /// Different app events.
    pub(crate) app_events: u64,
    /// Different product events.
    pub(crate) product_events: u64,
    /// Processes of functions to kill.
    pub(crate) kills: u64,
    /// Calls to make fail, in addition to the failures of the destination itself.
    pub(crate) faults: u64,
}

impl Sizes {
    /// The number of a pipeline's different events.
    pub(crate) const fn events(&self, pipeline: Pipeline) -> u64 {
        match pipeline {
            Pipeline::EmailEvents => self.email_events,
            Pipeline::AppEvents => self.app_events,
            Pipeline::ProductEvents => self.product_events,
        }
    }
}

/// What a run does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) sizes: Sizes,
    /// What is posted.
    pub(crate) batches: Vec<Batch>,
    /// When it is posted: repeatedly, and not in order.
    pub(crate) posts: Vec<Post>,
    /// What goes wrong meanwhile, in order.
    pub(crate) disruptions: Vec<Disruption>,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disruption {
    /// After so many posts.
    pub(crate) after_posts: usize,
    pub(crate) kind: DisruptionKind,
}

/// The ways in which things go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DisruptionKind {
    /// The next call of this kind fails.
    Fault(Site, Fault),
    /// The processes of a function are killed some milliseconds later.
    Kill { victim: Victim, after_ms: u64 },
    /// The process that makes the next call of this kind is killed.
    KillAtCall { site: Site, moment: Moment },
    /// A notification about one of the stored objects is sent again.
    Notify { pick: u64, queue: NotifiedQueue },
}

/// A function whose processes are killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Victim {
    Ingest,
    Loader,
    Archiver,
    Compactor,
    Track,
    Forwarder,
    Authorizer,
}

/// When a caller is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before its call takes effect.
    BeforeEffect,
    /// After that, before it has the response.
    AfterEffect,
}

/// A queue of S3 notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotifiedQueue {
    Load,
    Archive,
}

impl Victim {
    /// How often each is chosen: the forwarder rarely, because a message that is processed alone by three runs that end moves to the
    /// dead-letter queue.
    const CHOICES: [Self; 16] = [
        Self::Ingest,
        Self::Ingest,
        Self::Ingest,
        Self::Loader,
        Self::Loader,
        Self::Loader,
        Self::Archiver,
        Self::Archiver,
        Self::Archiver,
        Self::Compactor,
        Self::Compactor,
        Self::Track,
        Self::Track,
        Self::Track,
        Self::Forwarder,
        Self::Authorizer,
    ];

    /// The crate of the function.
    pub(crate) const fn function(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Loader => "loader",
            Self::Archiver => "archiver",
            Self::Compactor => "compactor",
            Self::Track => "track",
            Self::Forwarder => "forwarder",
            Self::Authorizer => "authorizer",
        }
    }
}

/// Where a kill hurts most, with the number of times that each is chosen.
const CRITICAL_CALLS: [Site; 9] = [
    Site::StoreRaw,
    Site::StoreRaw,
    Site::ReadRaw,
    Site::WriteLake,
    Site::PutRecords,
    Site::PutRecords,
    Site::Commit,
    Site::Commit,
    Site::DeleteMessages,
];

impl Plan {
    pub(crate) fn new(seed: u64, sizes: Sizes) -> Self {
        let batches = batches(seed, &sizes);
        let posts = posts(seed, &batches);
        let mut disruptions = faults(seed, sizes.faults);
        disruptions.extend(kills(seed, sizes.kills));
        disruptions.extend(notifications(seed, posts.len()));
        let mut plan = Self {
            seed,
            sizes,
            batches,
            posts,
            disruptions: Vec::new(),
        };
        plan.disruptions = plan.spread(disruptions);
        plan
    }

    /// Spreads disruptions over the posts: none among the first and the last twentieth, so that everything runs before the first, and
    /// calls are left for the last.
    fn spread(&self, kinds: Vec<DisruptionKind>) -> Vec<Disruption> {
        let mut dice = Dice::new(self.seed, 0x7370_7265_6164);
        let posts = u64::try_from(self.posts.len()).unwrap_or(u64::MAX);
        let (first, last) = (posts / 20, posts - posts / 20);
        let mut disruptions: Vec<Disruption> = kinds
            .into_iter()
            .map(|kind| Disruption {
                after_posts: usize::try_from(dice.within(first, last)).unwrap_or(usize::MAX),
                kind,
            })
            .collect();
        disruptions.sort_by_key(|disruption| disruption.after_posts);
        disruptions
    }
}

/// Each pair of a call and a fault as often as its call's weight, in a random order, again and again.
fn faults(seed: u64, count: u64) -> Vec<DisruptionKind> {
    let mut dice = Dice::new(seed, 0x66_6175_6c74);
    let mut pairs: Vec<(Site, Fault)> = Vec::new();
    // The first round has every pair once, so that few faults are of many kinds.
    let mut round: Vec<(Site, Fault)> = Site::ALL
        .into_iter()
        .flat_map(|site| site.faults().iter().map(move |fault| (site, *fault)))
        .collect();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    while pairs.len() < count {
        dice.shuffle(&mut round);
        pairs.extend(&round);
        round = Site::ALL
            .into_iter()
            .flat_map(|site| std::iter::repeat_n(site, site.weight()))
            .flat_map(|site| site.faults().iter().map(move |fault| (site, *fault)))
            .collect();
    }
    pairs.truncate(count);
    pairs
        .into_iter()
        .map(|(site, fault)| DisruptionKind::Fault(site, fault))
        .collect()
}

/// Half of the kills are at random moments, half at the calls where they hurt most.
fn kills(seed: u64, count: u64) -> Vec<DisruptionKind> {
    let mut dice = Dice::new(seed, 0x6b69_6c6c);
    (0..count)
        .map(|number| {
            let victim = dice.choose(&Victim::CHOICES).unwrap_or(Victim::Ingest);
            let site = dice.choose(&CRITICAL_CALLS).unwrap_or(Site::StoreRaw);
            let after_ms = dice.below(1_500);
            let moment = if dice.happens(50) {
                Moment::BeforeEffect
            } else {
                Moment::AfterEffect
            };
            if number % 2 == 0 {
                DisruptionKind::KillAtCall { site, moment }
            } else {
                DisruptionKind::Kill { victim, after_ms }
            }
        })
        .collect()
}

/// For every tenth post a notification that was delivered before.
fn notifications(seed: u64, posts: usize) -> Vec<DisruptionKind> {
    let mut dice = Dice::new(seed, 0x6e6f_7469_6679);
    (0..posts / 10)
        .map(|_| DisruptionKind::Notify {
            pick: dice.roll(),
            queue: if dice.happens(50) {
                NotifiedQueue::Load
            } else {
                NotifiedQueue::Archive
            },
        })
        .collect()
}

#[cfg(test)]
mod tests;
