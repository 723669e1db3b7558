//! `POST /api/v1/sql`: one statement that reads, for programs and people without another way to the database.

mod rows;

use std::time::{Duration, Instant};

use axum::{
    extract::{Extension, RawQuery, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
};
use event_query::{FreeForm, FreeStatement, ParamError};
use event_store::{ErrorKind, FreeSqlError, StoreError};
use function_kit::{ApiError, gateway::RouteKey, http::ErrorItem};
use serde::Deserialize;
use thiserror::Error;
use tracing::info;

use crate::{Deps, page_body::Encoding, search::accepted_format, whole_body::WholeBody};

use self::rows::{RowTooLong, write_rows};

pub(crate) const PATH: &str = "/api/v1/sql";

/// The gateway's route, which asks for a key of the scope `sql`. A request by any other route was let in with another key.
pub(crate) const ROUTE: &str = "POST /api/v1/sql";

/// How long Postgres may work on a statement: callers of the stack's own searches wait for the same database.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

const MAX_ROWS: usize = 10_000;
/// Texts of an answer, before they are written in a form.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Says that an answer without an envelope is not whole.
const TRUNCATED: HeaderName = HeaderName::from_static("x-truncated");

const RETRY_AFTER_SECONDS: u32 = 5;

/// Why a statement has no answer.
#[derive(Debug, Error)]
pub(crate) enum SqlError {
    #[error("reading the request")]
    Parameter(#[from] ParamError),
    #[error("running a statement of a caller")]
    Run(#[from] FreeSqlError),
    #[error(transparent)]
    RowTooLong(#[from] RowTooLong),
    #[error("there is no such route")]
    NoRoute,
}

pub(crate) async fn run(
    State(deps): State<Deps>,
    route_key: Option<Extension<RouteKey>>,
    RawQuery(query_string): RawQuery,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, SqlError> {
    let began = Instant::now();
    let is_by_route = route_key.is_some_and(|Extension(RouteKey(key))| key == ROUTE);
    let sql = deps.free_sql.as_ref().filter(|_| is_by_route);
    let sql = sql.ok_or(SqlError::NoRoute)?;
    let form = FreeForm::parse(&query_string.unwrap_or_default())?;
    let format = form.format().unwrap_or_else(|| accepted_format(&headers));
    let statement = FreeStatement::parse(&statement_of(&headers, &body)?)?;

    let answer = sql.run(&statement, MAX_ROWS, MAX_BYTES).await?;

    let row_count = answer.rows.len();
    let (body, is_truncated) = write_rows(&answer, &form, format, Encoding::wanted_by(&headers))?;
    info!(
        path = PATH,
        row_count,
        is_truncated,
        body_bytes = body.bytes.len(),
        duration_ms = began.elapsed().as_millis(),
        "statement served"
    );
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    let truncated = if is_truncated { "true" } else { "false" };
    headers.insert(TRUNCATED, HeaderValue::from_static(truncated));
    Ok(response)
}

/// `{"sql": "…"}` when the body says that it is JSON, else the statement itself.
fn statement_of(headers: &HeaderMap, body: &[u8]) -> Result<String, ParamError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Request {
        sql: String,
    }

    let refused = |message: &'static str| ParamError {
        param: "sql".into(),
        message: message.into(),
    };
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    if media_type.trim().eq_ignore_ascii_case("application/json") {
        return serde_json::from_slice(body)
            .map(|Request { sql }| sql)
            .map_err(|_| {
                refused(r#"must be the only member of a JSON object, {"sql": "select 1"}"#)
            });
    }
    String::from_utf8(body.to_vec()).map_err(|_| refused("must be UTF-8"))
}

impl IntoResponse for SqlError {
    fn into_response(self) -> Response {
        match self {
            Self::NoRoute => ApiError::not_found(),
            Self::Parameter(error) => {
                let item = ErrorItem::new("invalid parameter")
                    .description(error.to_string())
                    .param(error.param);
                ApiError::new(StatusCode::BAD_REQUEST, item)
            }
            Self::Run(error) => of_run(error),
            Self::RowTooLong(error) => {
                let item = ErrorItem::new("the statement failed")
                    .description(error.to_string())
                    .param("sql");
                ApiError::new(StatusCode::BAD_REQUEST, item)
            }
        }
        .into_response()
    }
}

fn of_run(error: FreeSqlError) -> ApiError {
    match error {
        FreeSqlError::Statement {
            kind: ErrorKind::TooSlow,
            ..
        } => too_slow().caused_by(error),
        FreeSqlError::Statement {
            kind: ErrorKind::Unavailable | ErrorKind::Contended | ErrorKind::Exhausted,
            ref code,
            ..
        } if code != READ_ONLY => ApiError::unavailable(RETRY_AFTER_SECONDS, error),
        // Everything else is about what the caller wrote, who is told all that Postgres says.
        FreeSqlError::Statement {
            ref code,
            ref message,
            ref hint,
            position,
            ..
        } => {
            let place =
                position.map_or_else(String::new, |position| format!(", at character {position}"));
            let advice = hint
                .as_ref()
                .map_or_else(String::new, |hint| format!("; {hint}"));
            let description = format!("{message} (SQLSTATE {code}{place}){advice}");
            let item = ErrorItem::new("the statement failed")
                .description(description)
                .param("sql");
            ApiError::new(StatusCode::BAD_REQUEST, item).caused_by(error)
        }
        FreeSqlError::NoColumns
        | FreeSqlError::Parameters
        | FreeSqlError::TooManyColumns { .. } => {
            let item = ErrorItem::new("the statement failed")
                .description(error.to_string())
                .param("sql");
            ApiError::new(StatusCode::BAD_REQUEST, item)
        }
        FreeSqlError::Busy => ApiError::unavailable(RETRY_AFTER_SECONDS, error),
        FreeSqlError::LoginCanWrite => ApiError::internal(error),
        FreeSqlError::Store(ref inner) => {
            if inner.is_transient() || matches!(inner, StoreError::Unresponsive { .. }) {
                ApiError::unavailable(RETRY_AFTER_SECONDS, error)
            } else {
                ApiError::internal(error)
            }
        }
    }
}

/// `read_only_sql_transaction`: here it is what the caller asked for.
const READ_ONLY: &str = "25006";

fn too_slow() -> ApiError {
    let item = ErrorItem::new("the statement took too long")
        .description("a statement has 10 seconds; read a shorter range of ts, or less of each row")
        .param("sql");
    ApiError::new(StatusCode::GATEWAY_TIMEOUT, item)
}
