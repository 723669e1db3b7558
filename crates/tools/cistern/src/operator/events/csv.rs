//! All pages of a search as one CSV file.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use reqwest::{Response, header::LINK};

use super::page::{PATH, Page};
use crate::{operator::api::Api, output, progress};

/// The most that the API returns.
const ROWS_PER_PAGE: u64 = 10_000;

/// What is written, and where.
#[derive(Debug)]
pub(super) struct Export<'a> {
    /// `-` is stdout.
    pub(super) file: &'a Path,
    pub(super) columns: Option<&'a [String]>,
    /// A byte order mark first, by which Excel knows UTF-8.
    pub(super) has_mark: bool,
    /// The most rows.
    pub(super) limit: Option<u64>,
}

impl Export<'_> {
    /// Writes the header and every row, and returns the number of rows. A file appears under its name when it is complete.
    ///
    /// # Errors
    /// The stack does not answer, or the file cannot be written. What was written so far is then in `<file>.unfinished`.
    pub(super) async fn write(&self, api: &Api, query: &[(String, String)]) -> Result<u64> {
        if self.file == Path::new("-") {
            return self
                .copy(api, query, &mut |bytes| output::write_bytes(bytes))
                .await;
        }
        let unfinished = unfinished(self.file);
        let mut file = File::create(&unfinished)
            .with_context(|| format!("writing {}", unfinished.display()))?;
        let rows = self
            .copy(api, query, &mut |bytes| {
                file.write_all(bytes)
                    .with_context(|| format!("writing {}", unfinished.display()))
            })
            .await?;
        fs::rename(&unfinished, self.file)
            .with_context(|| format!("writing {}", self.file.display()))?;
        Ok(rows)
    }

    async fn copy(
        &self,
        api: &Api,
        query: &[(String, String)],
        write: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<u64> {
        let bar = self.bar(api, query).await?;
        let limit = self.limit.unwrap_or(u64::MAX);
        let mut response = api.get(PATH, &self.query(query)).await?;
        let mut rows = 0;
        let mut is_first = true;
        loop {
            let next = next_link(&response);
            let body = response
                .bytes()
                .await
                .context("reading a page of the search")?;
            let header = end_of_records(&body, 1).1;
            if is_first {
                write(&body[..header])?;
            }
            let (count, end) = end_of_records(&body[header..], limit - rows);
            write(&body[header..header + end])?;
            rows += count;
            bar.inc(count);
            is_first = false;
            match next {
                Some(link) if rows < limit => response = api.follow(&link).await?,
                _ => break,
            }
        }
        bar.finish_and_clear();
        Ok(rows)
    }

    /// Counting is a search of its own, which is worth it where somebody watches.
    async fn bar(&self, api: &Api, query: &[(String, String)]) -> Result<indicatif::ProgressBar> {
        if !progress::is_drawn() {
            return Ok(indicatif::ProgressBar::hidden());
        }
        let mut query = query.to_vec();
        query.push(("per_page".to_owned(), "1".to_owned()));
        query.push(("total_count".to_owned(), "exact".to_owned()));
        let total = Page::first(api, &query).await?.total_count;
        Ok(progress::bar(
            total.min(self.limit.unwrap_or(u64::MAX)),
            "events",
        ))
    }

    fn query(&self, query: &[(String, String)]) -> Vec<(String, String)> {
        let mut query = query.to_vec();
        let mut push = |name: &str, value: String| query.push((name.to_owned(), value));
        push("format", "csv".to_owned());
        let per_page = self.limit.unwrap_or(ROWS_PER_PAGE).clamp(1, ROWS_PER_PAGE);
        push("per_page", per_page.to_string());
        for column in self.columns.unwrap_or_default() {
            push("columns", column.clone());
        }
        if self.has_mark {
            push("csv", "bom".to_owned());
        }
        query
    }
}

fn unfinished(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

/// The link of `Link: <…>; rel="next"`.
fn next_link(response: &Response) -> Option<String> {
    let links = response.headers().get(LINK)?.to_str().ok()?;
    next_of(links)
}

fn next_of(links: &str) -> Option<String> {
    links.split(',').find_map(|link| {
        let (target, relation) = link.trim().split_once('>')?;
        let is_next = relation
            .split(';')
            .any(|part| part.trim() == "rel=\"next\"");
        is_next.then(|| target.strip_prefix('<').map(str::to_owned))?
    })
}

/// How many of at most `limit` records there are, and where the last of them ends. A quoted cell may contain line breaks.
fn end_of_records(csv: &[u8], limit: u64) -> (u64, usize) {
    let (mut count, mut end, mut is_quoted) = (0, 0, false);
    if limit == 0 {
        return (count, end);
    }
    for (index, byte) in csv.iter().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted => {
                (count, end) = (count + 1, index + 1);
                if count == limit {
                    break;
                }
            }
            _ => {}
        }
    }
    (count, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_end_at_line_breaks_outside_of_quotes() {
        let csv = b"a,b\r\n1,\"x \"\"y\"\"\r\nz\"\r\n2,\"\n\"\r\n";

        assert_eq!(end_of_records(csv, 1), (1, 5));
        assert_eq!(end_of_records(csv, 2), (2, 21));
        assert_eq!(end_of_records(csv, u64::MAX), (3, csv.len()));
        assert_eq!(end_of_records(csv, 0), (0, 0));
        assert_eq!(end_of_records(b"", 9), (0, 0));
    }

    #[test]
    fn the_next_page_is_the_link_of_that_name() {
        for (header, expected) in [
            (r#"</a?cursor=x>; rel="next""#, Some("/a?cursor=x")),
            (
                r#"</a?page=1>; rel="first", </a?page=3>; rel="next""#,
                Some("/a?page=3"),
            ),
            (r#"</a?page=1>; rel="first""#, None),
            ("", None),
        ] {
            assert_eq!(next_of(header).as_deref(), expected, "{header}");
        }
    }
}
