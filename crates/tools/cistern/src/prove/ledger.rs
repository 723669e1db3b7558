//! What was sent and what was acknowledged, by the senders' own records.

use event_model::Pipeline;

use super::{
    events, person,
    plan::{Batch, Plan},
};

/// What a sender knows about one id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Whether it was in a body that was sent at least once.
    pub(crate) is_sent: bool,
    /// How many bodies with it were acknowledged.
    pub(crate) acknowledged: u32,
}

/// What has to become of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// It is stored once.
    Stored,
    /// It is rejected, with a reason.
    Rejected,
    /// It is the person's who is erased, and nowhere at the end.
    Erased,
}

/// One id of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) expected: Expected,
    pub(crate) record: Record,
}

/// The records of all pipelines.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    seed: u64,
    /// By the number of the event.
    events: [Vec<Record>; 3],
    /// By the index of the batch in the plan.
    batches: Vec<Record>,
}

impl Ledger {
    pub(crate) fn new(plan: &Plan) -> Self {
        let empty = |pipeline| {
            let count = usize::try_from(plan.sizes.events(pipeline)).unwrap_or(0);
            vec![Record::default(); count]
        };
        Self {
            seed: plan.seed,
            events: Pipeline::ALL.map(empty),
            batches: vec![Record::default(); plan.batches.len()],
        }
    }

    /// Notes that a batch is about to be sent.
    pub(crate) fn send(&mut self, plan: &Plan, batch: usize) {
        self.update(plan, batch, |record| record.is_sent = true);
    }

    /// Notes that a delivery of a batch was acknowledged.
    pub(crate) fn acknowledge(&mut self, plan: &Plan, batch: usize) {
        self.update(plan, batch, |record| record.acknowledged += 1);
    }

    fn update(&mut self, plan: &Plan, batch: usize, change: impl Fn(&mut Record)) {
        let Some(described) = plan.batches.get(batch) else {
            return;
        };
        if let Some(record) = self.batches.get_mut(batch) {
            change(record);
        }
        let records = &mut self.events[index(described.pipeline)];
        for event in described.events() {
            let index = usize::try_from(event).ok();
            if let Some(record) = index.and_then(|index| records.get_mut(index)) {
                change(record);
            }
        }
    }

    /// The ids of a pipeline, those that have to be rejected last.
    pub(crate) fn entries(&self, plan: &Plan, pipeline: Pipeline) -> Vec<Entry> {
        let records = &self.events[index(pipeline)];
        let of_pipeline = |(batch, _): &(&Batch, &Record)| batch.pipeline == pipeline;
        let batches = || plan.batches.iter().zip(&self.batches).filter(of_pipeline);
        let events = batches().flat_map(|(batch, _)| {
            (batch.first..batch.first + batch.count).map(|number| Entry {
                id: events::id(self.seed, pipeline, batch.other, number),
                expected: if person::owns(batch, number) {
                    Expected::Erased
                } else {
                    Expected::Stored
                },
                record: at(records, number).copied().unwrap_or_default(),
            })
        });
        let bad = batches().flat_map(|(batch, record)| {
            (0..batch.bad).map(|number| Entry {
                id: events::bad_id(self.seed, batch, number),
                expected: Expected::Rejected,
                record: *record,
            })
        });
        events.chain(bad).collect()
    }

    /// How many of the person's events were sent.
    pub(crate) fn sent_of_person(&self, plan: &Plan) -> u64 {
        let entries = Pipeline::ALL.map(|pipeline| self.entries(plan, pipeline));
        let sent = entries
            .iter()
            .flatten()
            .filter(|entry| entry.expected == Expected::Erased && entry.record.is_sent);
        u64::try_from(sent.count()).unwrap_or(u64::MAX)
    }

    /// The batches of which no delivery was acknowledged.
    pub(crate) fn unacknowledged_batches(&self) -> usize {
        let is_unacknowledged = |record: &&Record| record.is_sent && record.acknowledged == 0;
        self.batches.iter().filter(is_unacknowledged).count()
    }
}

fn at(records: &[Record], number: u64) -> Option<&Record> {
    records.get(usize::try_from(number).ok()?)
}

const fn index(pipeline: Pipeline) -> usize {
    match pipeline {
        Pipeline::EmailEvents => 0,
        Pipeline::AppEvents => 1,
        Pipeline::ProductEvents => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::plan::Sizes;

    const SIZES: Sizes = Sizes {
        email_events: 3_000,
        other_senders_percent: 33,
        app_events: 300,
        product_events: 900,
        kills: 0,
        faults: 0,
    };

    #[test]
    fn nothing_is_sent_at_first_and_everything_when_every_batch_was_acknowledged() {
        let plan = Plan::new(1, SIZES);
        let mut ledger = Ledger::new(&plan);
        let all = |ledger: &Ledger, is: fn(&Record) -> bool| {
            Pipeline::ALL
                .into_iter()
                .flat_map(|pipeline| ledger.entries(&plan, pipeline))
                .all(|entry| is(&entry.record))
        };
        assert!(all(&ledger, |record| *record == Record::default()));

        for batch in 0..plan.batches.len() {
            ledger.send(&plan, batch);
        }
        assert!(all(&ledger, |record| record.is_sent && record.acknowledged == 0));
        assert_eq!(ledger.unacknowledged_batches(), plan.batches.len());

        for batch in 0..plan.batches.len() {
            ledger.acknowledge(&plan, batch);
        }
        assert!(all(&ledger, |record| record.acknowledged > 0));
        assert_eq!(ledger.unacknowledged_batches(), 0);
    }

    #[test]
    fn ids_are_those_of_the_bodies() {
        let plan = Plan::new(1, SIZES);
        let ledger = Ledger::new(&plan);
        let bodies: Vec<String> = plan
            .batches
            .iter()
            .map(|batch| String::from_utf8(events::body(1, batch, 0)).unwrap())
            .collect();

        for pipeline in Pipeline::ALL {
            let entries = ledger.entries(&plan, pipeline);
            assert!(entries.len() >= usize::try_from(SIZES.events(pipeline)).unwrap());
            for entry in entries.iter().step_by(53) {
                let own = format!("\"{}\"", entry.id);
                // Others are recognised by their recipients.
                let recipient = entry.id.split_once('-').unwrap_or_default().1;
                let recipient = match entry.expected {
                    Expected::Erased => person::ADDRESS.to_owned(),
                    _ => format!("\"{recipient}@people.example\""),
                };
                let is_in = |body: &String| body.contains(&own) || body.contains(&recipient);
                assert!(bodies.iter().any(is_in), "{own}");
            }
        }
    }
}
