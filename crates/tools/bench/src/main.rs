#![doc = include_str!("../README.md")]

mod cold;
mod database;
mod erase;
mod figure;
mod forwarder;
mod history;
mod lake;
mod loader;
mod local_query;
mod proc_stat;
mod psql;
mod query;
mod rebuild;
mod replay;
mod senders;

use anyhow::{Result, bail};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let group = std::env::args().nth(1).unwrap_or_default();
    let figures = match group.as_str() {
        "erase" => erase::measure().await?,
        "forwarder" => forwarder::measure().await?,
        // The separate process that the group starts.
        "forwarder-drain" => return forwarder::run_drain().await,
        "history" => history::measure().await?,
        "lake" => lake::measure()?,
        "loader" => loader::measure().await?,
        "local-query" => local_query::measure().await?,
        "query" => query::measure().await?,
        "rebuild" => rebuild::measure().await?,
        "replay" => replay::measure()?,
        "senders" => senders::measure().await?,
        "cold" => cold::measure()?,
        _ => bail!(
            "usage: bench GROUP, where GROUP is: cold, erase, forwarder, history, lake, loader, local-query, query, rebuild, replay, senders"
        ),
    };
    figure::print(&figures);
    figure::write(&group, &figures)
}
