//! Runs schedules: one seed, one thread, one order of events.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
};

use lake_schema::Table;

use crate::{broken::Broken, dice::Dice, forward, lake, world::World};

/// Schedules that have found a fault, of the functions or of one that was put in for a test. They are always run.
const KNOWN_SEEDS: [u64; 0] = [];
/// How many others are run, unless `CISTERN_SIMULATION_SCHEDULES` says so.
const SCHEDULES: u64 = 200;

/// How a schedule ended.
#[derive(Debug)]
struct Outcome {
    result: Result<(), String>,
    trace: Vec<String>,
    checks: u64,
}

/// Runs the schedule of a seed, with an actor that breaks a rule, if there is one.
fn run(seed: u64, broken: Option<Broken>) -> Outcome {
    let mut dice = Dice::new(seed);
    let world = World::new(dice.split());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    // Neighbouring seeds are of all kinds.
    let schedule = async {
        match (seed % 3, broken) {
            (0, None) => Box::pin(forward::run(&world, dice)).await,
            (1, _) => Box::pin(lake::run(&world, Table::product_events(), broken, dice)).await,
            _ => Box::pin(lake::run(&world, Table::email_events(), broken, dice)).await,
        }
    };
    let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(schedule)));
    let panicked = "a function, or the simulation, panicked".to_owned();
    let result = result.unwrap_or(Err(panicked));
    drop(runtime);
    let state = &mut *world.lock();
    Outcome {
        result,
        trace: std::mem::take(&mut state.trace),
        checks: state.invariants.checks,
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Runs the schedules of `seeds` on all processors, each on one thread, until one fails. Returns the number of checks, or what to
/// print about the failure.
fn run_all(seeds: &[u64]) -> Result<u64, String> {
    let next = AtomicU64::new(0);
    let work = || {
        let mut checks = 0;
        loop {
            let index = usize::try_from(next.fetch_add(1, Ordering::SeqCst)).unwrap();
            let Some(seed) = seeds.get(index) else {
                return Ok(checks);
            };
            let outcome = run(*seed, None);
            checks += outcome.checks;
            if let Err(violation) = outcome.result {
                // The others stop.
                next.store(seeds.len() as u64, Ordering::SeqCst);
                let trace = outcome.trace.join("\n");
                return Err(format!(
                    "{trace}\nseed {seed}, schedule {}: {violation}",
                    index + 1
                ));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<Result<u64, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(Result::unwrap).collect()
    });
    results.into_iter().sum()
}

#[test]
fn every_schedule_keeps_every_rule() {
    let first = setting("CISTERN_SIMULATION_SEED", 1);
    let count = setting("CISTERN_SIMULATION_SCHEDULES", SCHEDULES);
    let seeds: Vec<u64> = KNOWN_SEEDS
        .into_iter()
        .chain(first..first + count)
        .collect();

    match run_all(&seeds) {
        Ok(checks) => println!("{} schedules, {checks} checks", seeds.len()),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 1..=9 {
        let (one, two) = (run(seed, None), run(seed, None));

        assert_eq!(one.trace, two.trace, "seed {seed}");
        assert!(one.trace.len() > 5, "{:?}", one.trace);
    }
}

#[test]
fn an_actor_that_breaks_a_rule_is_found() {
    for broken in Broken::ALL {
        let is_found = |seed| run(seed, Some(broken)).result.is_err();

        assert!((1..=6).any(is_found), "{broken:?} is not found");
    }
}
