//! A page: its commands with the output that it shows, and its tables.

use anyhow::{Context as _, Result, bail, ensure};

use crate::stack::repository_root;

/// Marks a block that no test can run; followed by the reason.
const NOT_RUN: &str = "<!-- not run:";

/// A page of the documentation.
pub(super) struct Page {
    text: String,
    pub(super) blocks: Vec<Block>,
}

/// Consecutive commands.
#[derive(Debug)]
pub(super) struct Block {
    /// The line of the first one, from 1.
    pub(super) line: usize,
    pub(super) commands: String,
    /// The output, with `…` for anything.
    pub(super) expected: Option<String>,
}

impl Page {
    pub(super) fn read(name: &str) -> Result<Self> {
        let path = repository_root().join(name);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Self::parse(&text)
    }

    /// `sh` blocks are commands. A block without a language, or of JSON, right after them is their output.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut lines = text.lines().enumerate();
        // The element before a block: a block of commands, or why the next one is not run.
        let mut is_after_commands = false;
        let mut is_not_run = false;
        while let Some((number, line)) = lines.next() {
            let Some(language) = line.strip_prefix("```") else {
                if let Some(reason) = line.strip_prefix(NOT_RUN) {
                    let reason = reason.trim_end_matches("-->").trim();
                    ensure!(reason.len() > 10, "line {}: no reason", number + 1);
                    is_not_run = true;
                } else if !line.trim().is_empty() {
                    is_after_commands = false;
                }
                continue;
            };
            let content: Vec<&str> = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| !line.starts_with("```"))
                .collect();
            let content = content.join("\n") + "\n";
            match (language, blocks.last_mut()) {
                ("sh", _) if is_not_run => {}
                ("sh", _) => blocks.push(Block {
                    line: number + 2,
                    commands: content,
                    expected: None,
                }),
                ("" | "json", Some(last)) if is_after_commands => last.expected = Some(content),
                _ => {}
            }
            is_after_commands = language == "sh" && !is_not_run;
            is_not_run = false;
        }
        Ok(Self {
            text: text.to_owned(),
            blocks,
        })
    }

    /// The names and types of the columns in a table's table: the first one below the line that begins with its name.
    pub(super) fn columns_under(
        &self,
        heading: &str,
        table: &str,
    ) -> Result<Vec<(String, String)>> {
        let section = self
            .text
            .split("\n## ")
            .find_map(|section| section.strip_prefix(heading))
            .with_context(|| format!("there is no section {heading}"))?;
        let mut lines = section
            .lines()
            .skip_while(|line| !line.starts_with(&format!("`{table}`")))
            .skip_while(|line| !line.starts_with("|--"))
            .skip(1)
            .take_while(|line| line.starts_with('|'))
            .peekable();
        if lines.peek().is_none() {
            bail!("{heading} has no table of {table}");
        }
        lines
            .map(|line| {
                let mut cells = line
                    .split('|')
                    .skip(1)
                    .map(|cell| cell.trim().replace('`', ""));
                Ok((
                    cells.next().context("a name")?,
                    cells.next().context("a type")?,
                ))
            })
            .collect()
    }
}

impl Block {
    /// Whether the output matches the page: everything between its `…`, in that order.
    pub(super) fn is_expected(&self, output: &str) -> bool {
        let Some(expected) = &self.expected else {
            return true;
        };
        let mut rest = output;
        expected.split(['…', '\n']).map(str::trim).all(|fragment| {
            let found = rest.split_once(fragment);
            rest = found.map_or(rest, |(_, after)| after);
            found.is_some()
        })
    }
}
