//! The output formats of a page: SparkPost's envelope, or plain lists for tools that read lists.

/// The format of a page. Only [`Format::Json`] has a total and links; the others have a `Link` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `{"results":[…],"total_count":…,"links":{…}}`
    Json,
    /// One event per line.
    Ndjson,
    /// RFC 4180, with a header row.
    Csv,
}

impl Format {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "json" => Self::Json,
            "ndjson" => Self::Ndjson,
            "csv" => Self::Csv,
            _ => return None,
        })
    }

    /// The first format that an `Accept` header names; `None` if it names none, as with most clients, or is `*/*`.
    pub fn from_accept(accept: &str) -> Option<Self> {
        accept.split(',').find_map(|range| {
            let media_type = range.split(';').next().unwrap_or_default().trim();
            Some(match media_type.to_ascii_lowercase().as_str() {
                "application/json" => Self::Json,
                "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Self::Ndjson,
                "text/csv" => Self::Csv,
                _ => return None,
            })
        })
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    /// The separator between two events.
    pub const fn separator(self) -> &'static str {
        match self {
            Self::Json => ",",
            Self::Ndjson | Self::Csv => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_chooses_by_the_first_form_it_names() {
        let cases = [
            ("", None),
            ("*/*", None),
            ("text/html, image/gif, image/jpeg, */*; q=0.2", None),
            ("application/json", Some(Format::Json)),
            ("text/html, Text/CSV;q=0.9", Some(Format::Csv)),
            (
                "application/x-ndjson, application/json",
                Some(Format::Ndjson),
            ),
            ("application/json, text/csv", Some(Format::Json)),
        ];

        for (accept, format) in cases {
            assert_eq!(Format::from_accept(accept), format, "{accept}");
        }
    }
}
