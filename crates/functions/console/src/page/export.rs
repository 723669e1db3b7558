//! A search as a file.

use crate::{
    api::{self, SEARCH_PATH},
    search::Search,
};

/// What a file may hold: the API's longest page.
pub(super) const MOST_EXPORTED: u32 = 10_000;

/// What a file is asked of the API by, and what it is called: nothing of a stranger's.
pub(crate) fn address(search: &Search, format: ExportFormat) -> (String, String) {
    let mut params = search.params();
    params.push(("per_page".to_owned(), MOST_EXPORTED.to_string()));
    params.push(("format".to_owned(), format.name().to_owned()));
    if format == ExportFormat::Csv {
        // Else Excel reads the letters of other alphabets as its own.
        params.push(("csv".to_owned(), "bom".to_owned()));
    }
    let day = |time: jiff::Timestamp| time.strftime("%Y-%m-%d").to_string();
    let name = format!(
        "cistern-events-{}-to-{}.{}",
        day(search.range.from),
        day(search.range.to),
        format.name()
    );
    (api::address(SEARCH_PATH, &params), name)
}

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportFormat {
    Csv,
    Ndjson,
}

impl ExportFormat {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Csv, Self::Ndjson]
            .into_iter()
            .find(|format| format.name() == text)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}
