#![doc = include_str!("../README.md")]

mod database;
mod figure;
mod loader;
mod proc_stat;
mod psql;
mod query;

use anyhow::{Result, bail};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let group = std::env::args().nth(1).unwrap_or_default();
    let figures = match group.as_str() {
        "loader" => loader::measure().await?,
        "query" => query::measure().await?,
        _ => bail!("usage: bench GROUP, where GROUP is: loader, query"),
    };
    figure::print(&figures);
    figure::write(&group, &figures)
}
