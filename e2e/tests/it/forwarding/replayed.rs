//! `cistern replay --into destination`: archived app events reach the destination again, under their ids.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use aws_io::gzip::decode_capped;

use crate::forwarding::rig::{Forwarding, screen_views};
use crate::operator::cistern;
use crate::stack::fresh_id;

#[tokio::test]
async fn archived_messages_are_sent_again_under_their_ids_and_archived_no_second_time() -> Result<()>
{
    let forwarding = Forwarding::with(&[]).await?;
    let before = forwarding.keys("raw/mparticle/").await?;
    let user = fresh_id("again");
    let ids: Vec<String> = (0..5).map(|number| format!("{user}-{number}")).collect();
    forwarding.deliver(screen_views(&user, &ids)).await?;
    forwarding.drain().await?;
    let sent: BTreeSet<String> = forwarding.arrived().await?.into_keys().collect();
    let archived = objects_of(&forwarding, &before, &user).await?;
    ensure!(
        sent.len() == 5 && archived.len() == 1,
        "{sent:?} {archived:?}"
    );
    forwarding.forget().await?;

    let replayed = cistern(&["replay", &archived[0], "--into", "destination", "--run"]).await?;

    ensure!(
        replayed["objects"] == 1 && replayed["sent"] == 1,
        "{replayed}"
    );
    let unknown = replayed["unknown"]
        .as_str()
        .context("the outcome is not recorded")?;
    ensure!(unknown.contains("cistern forward"), "{replayed}");
    ensure!(forwarding.waiting().await? == 1);
    let sums = forwarding.drain().await?;
    ensure!((sums.sent, sums.messages) == (5, 1), "{sums:?}");
    let again: BTreeSet<String> = forwarding.arrived().await?.into_keys().collect();
    ensure!(again == sent, "{again:?}");
    ensure!(objects_of(&forwarding, &before, &user).await? == archived);
    Ok(())
}

/// The new objects of the archive that have the user. Other tests write there too.
async fn objects_of(
    forwarding: &Forwarding,
    before: &BTreeSet<String>,
    user: &str,
) -> Result<Vec<String>> {
    let mut objects = Vec::new();
    for key in forwarding.keys("raw/mparticle/").await?.difference(before) {
        let text = decode_capped(&forwarding.object(key).await?, 1 << 24)?;
        if String::from_utf8_lossy(&text).contains(user) {
            objects.push(key.clone());
        }
    }
    Ok(objects)
}
