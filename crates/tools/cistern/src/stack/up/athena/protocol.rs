//! Athena's requests and answers, as far as the console needs them
//! (<https://docs.aws.amazon.com/athena/latest/APIReference/API_Operations.html>).

use serde::Deserialize;
use serde_json::{Value, json};

/// The most rows of a page, the names of columns in the first included.
const MAX_PAGE_ROWS: usize = 1_000;

/// A request that is refused, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault(pub(super) String);

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Start(StartRequest),
    Look(RunRequest),
    Read(ReadRequest),
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartRequest {
    pub(super) query_string: String,
    #[serde(default)]
    pub(super) work_group: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RunRequest {
    pub(super) query_execution_id: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReadRequest {
    pub(super) query_execution_id: String,
    pub(super) next_token: Option<String>,
    pub(super) max_results: Option<usize>,
}

impl Operation {
    /// Reads the name of an operation and its body.
    pub(super) fn parse(target: &str, body: &[u8]) -> Result<Self, Fault> {
        let unreadable = |error: serde_json::Error| Fault(format!("reading the request: {error}"));
        match target.strip_prefix("AmazonAthena.") {
            Some("StartQueryExecution") => serde_json::from_slice(body)
                .map(Self::Start)
                .map_err(unreadable),
            Some("GetQueryExecution") => serde_json::from_slice(body)
                .map(Self::Look)
                .map_err(unreadable),
            Some("GetQueryResults") => serde_json::from_slice(body)
                .map(Self::Read)
                .map_err(unreadable),
            _ => Err(Fault(format!("{target} is not answered on this machine"))),
        }
    }
}

/// The body of a refusal.
pub(super) fn fault(message: &str) -> Value {
    json!({ "__type": "InvalidRequestException", "Message": message })
}

/// A page of rows. The first page of a result begins with the names of its columns.
pub(super) fn page(
    columns: &[String],
    rows: &[Vec<Option<String>>],
    request: &ReadRequest,
) -> Result<Value, Fault> {
    let asked = request.max_results.unwrap_or(MAX_PAGE_ROWS);
    let size = asked.clamp(1, MAX_PAGE_ROWS);
    let start = match &request.next_token {
        Some(token) => token
            .parse()
            .map_err(|_| Fault("the token is not one of this result".to_owned()))?,
        None => 0,
    };
    let names: Vec<Option<String>> = columns.iter().cloned().map(Some).collect();
    let all = std::iter::once(&names).chain(rows);
    let found: Vec<Value> = all.skip(start).take(size).map(|row| row_of(row)).collect();
    let end = start + found.len();
    let infos = columns
        .iter()
        .map(|name| json!({ "Name": name, "Type": "varchar" }));
    let mut answer = json!({ "ResultSet": {
        "Rows": found, "ResultSetMetadata": { "ColumnInfo": infos.collect::<Vec<_>>() },
    }});
    if end <= rows.len() {
        answer["NextToken"] = json!(end.to_string());
    }
    Ok(answer)
}

fn row_of(row: &[Option<String>]) -> Value {
    let cells = row.iter().map(|cell| match cell {
        Some(text) => json!({ "VarCharValue": text }),
        None => json!({}),
    });
    json!({ "Data": cells.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_read_and_others_are_refused() {
        let body = br#"{"QueryString":"select 1","WorkGroup":"w","ClientRequestToken":"t"}"#;
        let start = Operation::parse("AmazonAthena.StartQueryExecution", body).unwrap();

        assert_eq!(
            start,
            Operation::Start(StartRequest {
                query_string: "select 1".to_owned(),
                work_group: "w".to_owned()
            })
        );
        assert!(Operation::parse("AmazonAthena.StartQueryExecution", b"{}").is_err());
        let other = Operation::parse("AmazonAthena.DeleteWorkGroup", b"{}").unwrap_err();
        assert!(other.0.contains("DeleteWorkGroup"), "{other:?}");
    }

    #[test]
    fn pages_follow_each_other_and_begin_with_names() {
        let columns = ["n".to_owned()];
        let rows: Vec<_> = (0..5).map(|n: u32| vec![Some(n.to_string())]).collect();
        let mut request = ReadRequest {
            query_execution_id: "a".to_owned(),
            next_token: None,
            max_results: Some(2),
        };

        let mut found = Vec::new();
        loop {
            let answer = page(&columns, &rows, &request).unwrap();
            let page = answer["ResultSet"]["Rows"].as_array().unwrap();
            found.extend(
                page.iter()
                    .map(|row| row["Data"][0]["VarCharValue"].as_str().unwrap().to_owned()),
            );
            match answer["NextToken"].as_str() {
                Some(token) => request.next_token = Some(token.to_owned()),
                None => break,
            }
        }

        assert_eq!(found, ["n", "0", "1", "2", "3", "4"]);
        request.next_token = Some("x".to_owned());
        assert!(page(&columns, &rows, &request).is_err());
    }
}
