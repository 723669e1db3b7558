//! Takes Athena's place, by its protocol: a query runs until a test ends it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use crate::served::served;

pub(crate) const WORKGROUP: &str = "mail";

/// How a query ends.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// It runs on.
    Never,
    Rows(Vec<&'static str>, Vec<Vec<Option<String>>>),
    Failed(&'static str),
    /// In another workgroup.
    Elsewhere,
}

#[derive(Default)]
struct Inner {
    runs: Mutex<BTreeMap<String, (String, End)>>,
    next: Mutex<Option<End>>,
    refusal: Mutex<Option<(&'static str, &'static str)>>,
}

/// The stand-in, and what it was asked.
#[derive(Clone)]
pub(crate) struct Athena {
    inner: Arc<Inner>,
    pub(crate) endpoint: String,
}

impl Athena {
    pub(crate) async fn start() -> Self {
        let inner = Arc::new(Inner::default());
        let router = Router::new()
            .route("/", post(answer))
            .with_state(Arc::clone(&inner));
        let endpoint = served(router).await;
        Self { inner, endpoint }
    }

    /// How queries end that are started from now on.
    pub(crate) fn ends(&self, end: End) {
        *self.inner.next.lock().unwrap() = Some(end);
    }

    /// Ends those that run.
    pub(crate) fn end_all(&self, end: &End) {
        for (_, known) in self.inner.runs.lock().unwrap().values_mut() {
            *known = end.clone();
        }
    }

    /// Refuses to start another.
    pub(crate) fn refuses(&self, kind: &'static str, message: &'static str) {
        *self.inner.refusal.lock().unwrap() = Some((kind, message));
    }

    /// The statements that were started.
    pub(crate) fn statements(&self) -> Vec<String> {
        let runs = self.inner.runs.lock().unwrap();
        runs.values().map(|(sql, _)| sql.clone()).collect()
    }
}

fn error(kind: &str, message: &str) -> Response {
    let body = json!({ "__type": kind, "message": message, "Message": message });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

async fn answer(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let target = headers["x-amz-target"].to_str().unwrap();
    let id = asked["QueryExecutionId"].as_str().unwrap_or_default();
    let known = inner.runs.lock().unwrap().get(id).cloned();
    match (target, known) {
        ("AmazonAthena.StartQueryExecution", _) => start(&inner, &asked),
        (_, None) => error("InvalidRequestException", "QueryExecution was not found"),
        ("AmazonAthena.GetQueryExecution", Some((sql, end))) => {
            Json(execution(&sql, &end)).into_response()
        }
        ("AmazonAthena.GetQueryResults", Some((_, End::Rows(columns, rows)))) => {
            Json(results(&columns, &rows)).into_response()
        }
        (other, _) => panic!("nobody asks {other}"),
    }
}

fn start(inner: &Inner, asked: &Value) -> Response {
    if let Some((kind, message)) = *inner.refusal.lock().unwrap() {
        return error(kind, message);
    }
    assert_eq!(asked["WorkGroup"], WORKGROUP);
    assert_eq!(asked["QueryExecutionContext"]["Database"], "mail_lake");
    let mut runs = inner.runs.lock().unwrap();
    let id = format!("run-{}", runs.len());
    let end = inner.next.lock().unwrap().clone().unwrap_or(End::Never);
    let sql = asked["QueryString"].as_str().unwrap().to_owned();
    runs.insert(id.clone(), (sql, end));
    Json(json!({ "QueryExecutionId": id })).into_response()
}

fn execution(sql: &str, end: &End) -> Value {
    let (state, reason) = match end {
        End::Never => ("RUNNING", None),
        End::Rows(..) | End::Elsewhere => ("SUCCEEDED", None),
        End::Failed(reason) => ("FAILED", Some(reason)),
    };
    let workgroup = if matches!(end, End::Elsewhere) {
        "other"
    } else {
        WORKGROUP
    };
    json!({ "QueryExecution": {
        "Query": sql, "WorkGroup": workgroup, "Status": { "State": state, "StateChangeReason": reason },
        "Statistics": { "DataScannedInBytes": 20_500_000, "TotalExecutionTimeInMillis": 1_250 },
    }})
}

fn results(columns: &[&str], rows: &[Vec<Option<String>>]) -> Value {
    let header: Vec<_> = columns
        .iter()
        .map(|name| json!({ "VarCharValue": name }))
        .collect();
    let body = rows.iter().map(|row| {
        let cells = row.iter().map(|cell| match cell {
            Some(text) => json!({ "VarCharValue": text }),
            None => json!({}),
        });
        json!({ "Data": cells.collect::<Vec<_>>() })
    });
    let all: Vec<_> = std::iter::once(json!({ "Data": header }))
        .chain(body)
        .collect();
    let infos: Vec<_> = columns
        .iter()
        .map(|name| json!({ "Name": name, "Type": "varchar" }))
        .collect();
    json!({ "ResultSet": { "Rows": all, "ResultSetMetadata": { "ColumnInfo": infos } } })
}
