//! README.md and docs/using.md as a reader follows them: each command, in order, in one shell; and the tables of
//! columns.

mod page;
mod shell;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lake_schema::Table;

use self::page::Page;
use self::shell::Shell;
use crate::stack::Stack;

/// Runs every block of a page; a block with output runs again until the output matches.
async fn follow(name: &str) -> Result<()> {
    let page = Page::read(name)?;
    ensure!(!page.blocks.is_empty(), "{name} has no commands");
    let mut shell = Shell::start()?;
    for block in &page.blocks {
        shell
            .run_until_expected(block)
            .await
            .with_context(|| format!("{name}, line {}:\n{}", block.line, block.commands))?;
    }
    Ok(())
}

// The pages delete and replay the latest rejections, and run the forwarder, so no other test may run.

#[tokio::test]
async fn every_command_of_the_readme_does_what_it_says() -> Result<()> {
    let (_stack, _weather) = Stack::exclusive().await?;
    follow("README.md").await
}

#[tokio::test]
async fn every_command_of_the_page_on_using_does_what_it_says() -> Result<()> {
    let (_stack, _weather) = Stack::exclusive().await?;
    follow("docs/using.md").await
}

#[tokio::test]
async fn command_that_fails_or_shows_something_else_is_noticed() -> Result<()> {
    for text in [
        "```sh\nfalse\n```\n",
        "```sh\ncurl -s \"$UNKNOWN_VARIABLE\"\n```\n",
        "```sh\nfalse | cat\n```\n",
        "```sh\necho one\n```\n\n```\ntwo\n```\n",
        "```sh\necho b a\n```\n\n```\na…b\n```\n",
    ] {
        let page = Page::parse(text)?;
        let mut shell = Shell::start()?;
        shell.time_limit = Duration::from_millis(300);

        let outcome = shell.run_until_expected(&page.blocks[0]).await;

        ensure!(outcome.is_err(), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn variables_and_functions_last_from_block_to_block() -> Result<()> {
    let page = Page::parse(
        "```sh\nsay() { echo \"$1 there\"; }\nname=you\n```\n\n```sh\nsay \"$name\"\n```\n\n```\nyou…ere\n```\n",
    )?;
    let mut shell = Shell::start()?;
    for block in &page.blocks {
        shell.run_until_expected(block).await?;
    }
    Ok(())
}

#[tokio::test]
async fn page_on_using_lists_every_column_of_postgres() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let page = Page::read("docs/using.md")?;
    for table in ["email_events", "batches", "email_events_rejected"] {
        let columns: Vec<(String, String)> = sqlx::query_as(
            "select column_name::text, udt_name::text from information_schema.columns
             where table_schema = 'public' and table_name = $1 order by ordinal_position",
        )
        .bind(table)
        .fetch_all(&stack.db)
        .await?;

        let documented = page.columns_under("SQL on email events", table)?;

        ensure!(!columns.is_empty(), "{table} is not there");
        ensure!(
            documented == columns,
            "{table}: {documented:?} is not {columns:?}"
        );
    }
    Ok(())
}

#[test]
fn page_on_using_lists_every_column_of_the_lake() -> Result<()> {
    let page = Page::read("docs/using.md")?;
    for table in Table::all() {
        let columns: BTreeMap<String, String> = table
            .columns()
            .iter()
            .map(|column| {
                (
                    column.name.clone(),
                    format!("{:?}", column.kind).to_lowercase(),
                )
            })
            .collect();

        let documented: BTreeMap<_, _> = page
            .columns_under("SQL on the lake", table.name())?
            .into_iter()
            .collect();

        ensure!(
            documented == columns,
            "{}: {documented:?} is not {columns:?}",
            table.name()
        );
    }
    Ok(())
}
