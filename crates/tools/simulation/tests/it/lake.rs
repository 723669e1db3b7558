//! Schedules of the lake: senders, ingest for email events, the archiver, the compactor, and queries.

use futures::stream::FuturesUnordered;
use lake_schema::{Table, layout::parts_prefix};
use time::{Duration, macros::datetime};

use crate::{
    actor::{Actor, HOUR_MS, all, until},
    broken::Broken,
    clock,
    dice::Dice,
    functions::{LakeFunction, config},
    query::query,
    reader::list_manifests,
    sender,
    world::{ARCHIVE_QUEUE, World},
};

/// How long events arrive, and calls fail.
const ARRIVALS_MS: u64 = 30 * HOUR_MS;
/// The compactor need not run once an hour. But each phase of what arrived on a day needs a run, before queries stop listing that day:
/// 21 hours are promised for all.
const COMPACTIONS_MS: [u64; 2] = [2 * HOUR_MS, 4 * HOUR_MS];
/// The most runs of the compactor that bring everything to rest.
const LAST_RUNS: u32 = 40;
/// The time to the next of them, after one that has changed the manifest, and after another.
const NEXT_PHASE_MS: u64 = HOUR_MS;
const NEXT_LOOK_MS: u64 = 8 * HOUR_MS;

/// Runs a schedule to its end.
///
/// # Errors
/// The first rule that does not hold.
pub(crate) async fn run(
    world: &World,
    table: Table,
    broken: Option<Broken>,
    mut dice: Dice,
) -> Result<(), String> {
    let hour = i64::try_from(dice.below(24)).unwrap();
    clock::start(datetime!(2026-03-01 00:00 UTC) + Duration::hours(hour));
    let config = config(&mut dice);
    let function = |name: &str, dice: &mut Dice| {
        LakeFunction::new(world, name, dice.split(), table.clone(), config.clone())
    };
    let mut pollers = FuturesUnordered::new();
    for name in ["archiver a", "archiver b"] {
        let poller: Actor<'_> = Box::pin(function(name, &mut dice).poll());
        pollers.push(poller);
    }
    let mut compactor = function("compactor a", &mut dice);
    let mut second = function("compactor b", &mut dice);
    let mut actors: Vec<Actor<'_>> = vec![
        Box::pin(compact(world, &mut compactor, dice.split())),
        Box::pin(queries(world, dice.split())),
    ];
    if table == Table::email_events() {
        actors.push(Box::pin(sender::post_email_events(world, dice.split())));
    } else {
        actors.push(Box::pin(sender::put_product_events(world, dice.split())));
    }
    if dice.chance(1, 2) {
        actors.push(Box::pin(compact(world, &mut second, dice.split())));
    }
    actors.extend(broken.map(|broken| -> Actor<'_> { Box::pin(broken.act(world)) }));
    until(world, &mut pollers, all(actors)).await?;
    world.note("nothing fails any more");
    world.end_faults();
    let rest = come_to_rest(world, table.name(), &mut compactor);
    until(world, &mut pollers, rest).await?;
    end(world)
}

async fn compact(world: &World, compactor: &mut LakeFunction, mut dice: Dice) {
    let [least, most] = COMPACTIONS_MS;
    while clock::now_ms() < ARRIVALS_MS {
        let wait_ms = dice.between(least, most);
        world.wait_ms(wait_ms).await;
        // Lambda repeats a run that has failed, and a schedule starts one at least once.
        while !compactor.compact().await || dice.chance(1, 8) {
            let wait_ms = dice.between(1, HOUR_MS);
            world.wait_ms(wait_ms).await;
        }
    }
}

async fn queries(world: &World, mut dice: Dice) {
    for _ in 0..dice.between(2, 8) {
        let wait_ms = dice.between(1, ARRIVALS_MS / 5);
        world.wait_ms(wait_ms).await;
        query(world, dice.split()).await;
    }
}

/// Until every message is processed, and every part is in a compacted file and removed.
async fn come_to_rest(world: &World, table: &str, compactor: &mut LakeFunction) {
    let parts = parts_prefix(table);
    let mut last = None;
    for _ in 0..LAST_RUNS {
        let wait_ms = {
            let state = &mut *world.lock();
            let is_queue_empty = state.queue(ARCHIVE_QUEUE).len() == 0;
            if is_queue_empty && state.bucket.under(&parts).next().is_none() {
                return;
            }
            state.queue(ARCHIVE_QUEUE).redrive(clock::now_ms());
            let manifest = list_manifests(&state.bucket, table, clock::now()).pop();
            let has_changed = manifest != last;
            last = manifest;
            if has_changed {
                NEXT_PHASE_MS
            } else {
                NEXT_LOOK_MS
            }
        };
        world.wait_ms(wait_ms).await;
        compactor.compact().await;
    }
}

fn end(world: &World) -> Result<(), String> {
    let state = &mut *world.lock();
    let waiting = state.queue(ARCHIVE_QUEUE).len();
    if waiting > 0 {
        return Err(format!("{waiting} messages wait at the end"));
    }
    state.invariants.check_end(&state.bucket, clock::now())
}
