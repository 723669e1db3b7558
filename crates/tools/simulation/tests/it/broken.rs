//! Actors that break a rule on purpose: each must be found.

use crate::{
    actor::HOUR_MS,
    bucket::Condition,
    clock,
    item::TABLES,
    reader::list_files,
    world::{ARCHIVE_QUEUE, State, World},
};

/// What an actor does wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Broken {
    /// It deletes messages that nobody has processed.
    DeletesMessages,
    /// It deletes files that readers see.
    DeletesFiles,
    /// It shows the events of a file twice.
    DoublesFiles,
    /// It deletes raw objects.
    DeletesRawObjects,
}

impl Broken {
    pub(crate) const ALL: [Self; 4] = [
        Self::DeletesMessages,
        Self::DeletesFiles,
        Self::DoublesFiles,
        Self::DeletesRawObjects,
    ];

    /// Does it again and again.
    pub(crate) async fn act(self, world: &World) {
        while clock::now_ms() < 30 * HOUR_MS {
            self.act_once(&mut world.lock());
            world.check();
            world.wait_ms(100).await;
            world.wait_ms(HOUR_MS / 60).await;
        }
    }

    fn act_once(self, state: &mut State) {
        let now_ms = clock::now_ms();
        match self {
            Self::DeletesMessages => {
                let mut dice = state.dice.split();
                let queue = state.queue(ARCHIVE_QUEUE);
                for received in queue.receive(10, now_ms, 1, &mut dice) {
                    queue.delete(received.id, received.receipt);
                }
            }
            Self::DeletesFiles => {
                if let Some(key) = visible_file(state) {
                    let object = state.bucket.delete(&key).unwrap();
                    state.invariants.note_deleted(&key, object);
                }
            }
            Self::DoublesFiles => {
                if let Some(key) = visible_file(state) {
                    let body = state.bucket.get(&key).unwrap().body.clone();
                    let zeros = "0".repeat(32);
                    let day = key.split("dt=").nth(1).unwrap().split('/').next().unwrap();
                    let table = key.split('/').nth(1).unwrap();
                    let copy = format!("lake/{table}/closed/dt={day}/day-{zeros}.parquet");
                    // A second copy of the same name is refused.
                    let _ = state.bucket.put(
                        &copy,
                        body,
                        Vec::new(),
                        &Condition::Nothing,
                        clock::now(),
                    );
                }
            }
            Self::DeletesRawObjects => {
                let key = state
                    .bucket
                    .under("raw/")
                    .next()
                    .map(|(key, _)| key.to_owned());
                if let Some(key) = key {
                    let object = state.bucket.delete(&key).unwrap();
                    state.invariants.note_deleted(&key, object);
                }
            }
        }
    }
}

fn visible_file(state: &State) -> Option<String> {
    let files = |table| list_files(&state.bucket, table, clock::now());
    TABLES.into_iter().flat_map(files).next()
}
