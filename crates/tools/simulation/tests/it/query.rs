//! Queries of the lake.

use crate::{actor::MINUTE_MS, clock, dice::Dice, item::TABLES, reader, world::World};

/// A query that takes up to half an hour from its first listing to its last file, as Athena's may.
pub(crate) async fn query(world: &World, mut dice: Dice) {
    let table = *dice.pick(&TABLES);
    let lists_files_first = dice.chance(1, 2);
    let mut wait = async || {
        let wait_ms = dice.between(1, 10 * MINUTE_MS);
        world.wait_ms(wait_ms).await;
    };
    let list_files = || reader::list_files(&world.lock().bucket, table, clock::now());
    let list_manifests = || reader::list_manifests(&world.lock().bucket, table, clock::now());
    let before = world.lock().invariants.seen();
    let (files, manifests);
    if lists_files_first {
        files = list_files();
        wait().await;
        manifests = list_manifests();
    } else {
        manifests = list_manifests();
        wait().await;
        files = list_files();
    }
    wait().await;
    let hidden = reader::hidden(&world.lock().bucket, &manifests);
    wait().await;
    let answer = hidden.and_then(|hidden| {
        let state = &mut *world.lock();
        state
            .invariants
            .reader
            .open(&state.bucket, table, &files, &hidden)
    });
    world.note(format_args!(
        "query of {table} has seen {} files",
        files.len()
    ));
    let rule = match answer {
        Err(gone) => Err(format!("{gone} was listed by a query and is gone")),
        Ok(counts) => {
            let state = world.lock();
            let missing = before
                .iter()
                .find(|item| item.table == table && !counts.contains_key(item));
            match missing {
                Some(item) => Err(format!(
                    "a query does not find {item:?}, which was seen before it began"
                )),
                None => state.invariants.nothing_is_seen_twice(&counts),
            }
        }
    };
    if let Err(violation) = rule {
        world.violate(violation);
    }
}
