//! Statements of callers over HTTP. What they may do in Postgres is tested in `event-store`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use event_store::{DatabaseConfig, FreeSql, Login};
use function_kit::gateway::{self, RouteKey};
use query::{Deps, ROUTES, router};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgPool};

use crate::service::{Answer, NOW, Service, TestEvent, indexed_keys};

const ROUTE: &str = "POST /api/v1/sql";

async fn service(pool: &PgPool) -> Service {
    let Service { store, .. } = Service::over(pool);
    store.make_roles().await.unwrap();
    store.migrate().await.unwrap();
    let url = pool.connect_options().to_url_lossy();
    let password = url.password().unwrap().to_owned();
    let sql = postgres_stand_in::password_sql("cistern_sql", &password);
    pool.execute(AssertSqlSafe(sql)).await.unwrap();
    let mut config = DatabaseConfig::new(url.to_string().into(), "sql tests");
    config.login = Login::As {
        user: "cistern_sql".to_owned(),
        password: password.into(),
    };
    let router = router(Deps {
        store: store.clone(),
        indexed_keys: Arc::new(indexed_keys()),
        rejected_objects: None,
        free_sql: Some(FreeSql::connect_lazy(&config).unwrap()),
        clock: || NOW,
    });
    Service { router, store }
}

/// Asks as the gateway's route for statements would hand it on.
async fn ask(service: &Service, query: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let request = || {
        let mut request = Request::post(format!("/api/v1/sql?{query}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(RouteKey(ROUTE.to_owned()));
        request
    };
    once_connected(
        async || service.send(request()).await,
        |answer| answer.status == StatusCode::SERVICE_UNAVAILABLE,
    )
    .await
}

/// The first answer for which the role had a connection left, because other tests take connections of the same role.
async fn once_connected<T>(ask: impl AsyncFn() -> T, is_unavailable: impl Fn(&T) -> bool) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = ask().await;
        if !is_unavailable(&answer) {
            return answer;
        }
        assert!(
            Instant::now() < deadline,
            "the role never had a connection left"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn lines_of_ndjson_are_as_many_as_the_rows_whatever_json_is_in_them(pool: PgPool) {
    let service = service(&pool).await;

    for (statement, rows) in [
        (
            "select json_agg(t) as j from (values (1), (2)) t",
            vec![json!([{"column1": 1}, {"column1": 2}])],
        ),
        (
            "select j::json as j from (values (E'{\"a\":\\r\\n [1,\\n2]}'), ('\"b\\n\"')) as t (j)",
            vec![json!({"a": [1, 2]}), json!("b\n")],
        ),
    ] {
        let answer = ask(&service, "format=ndjson", &[], statement).await;

        let text = std::str::from_utf8(&answer.bytes).unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{text}");
        let found: Vec<Value> = text
            .split_terminator('\n')
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["j"].clone())
            .collect();
        assert_eq!(found, rows, "{statement}");
        assert!(!text.contains('\r'), "{statement}");
    }
}

#[sqlx::test(migrations = false)]
async fn rows_come_as_json_lines_or_a_table(pool: PgPool) {
    let service = service(&pool).await;
    service
        .load(&[TestEvent::new(1, "open", NOW.unix_timestamp())])
        .await;
    let sql = "select type, count(*) as n, '=1' as f, null::text as e, '{\"a\":1}'::jsonb as j from email_events group by type;";

    let as_json = ask(&service, "", &[], sql).await;
    let in_json = json!({ "sql": sql }).to_string();
    let again = ask(
        &service,
        "",
        &[("content-type", "application/json; charset=utf-8")],
        &in_json,
    )
    .await;
    let table = ask(&service, "format=csv", &[], sql).await;
    let raw = ask(&service, "csv=raw", &[("accept", "text/csv")], sql).await;
    let lines = ask(&service, "", &[("accept", "application/x-ndjson")], sql).await;

    assert_eq!(as_json.status, StatusCode::OK, "{}", as_json.json());
    let row = json!({"type": "open", "n": 1, "f": "=1", "e": null, "j": {"a": 1}});
    assert_eq!(as_json.json()["results"], json!([row]));
    assert_eq!(
        as_json.json()["columns"][1],
        json!({"name": "n", "type": "int8"})
    );
    assert_eq!(as_json.json()["truncated"], false);
    assert_eq!(as_json.bytes, again.bytes);
    let text = |answer: &Answer| String::from_utf8(answer.bytes.clone()).unwrap();
    assert_eq!(
        text(&table),
        "type,n,f,e,j\r\nopen,1,'=1,,\"{\"\"a\"\": 1}\"\r\n"
    );
    assert_eq!(
        text(&raw),
        "type,n,f,e,j\r\nopen,1,=1,,\"{\"\"a\"\": 1}\"\r\n"
    );
    assert_eq!(
        text(&lines).trim_end(),
        r#"{"type":"open","n":1,"f":"=1","e":null,"j":{"a": 1}}"#
    );
}

#[sqlx::test(migrations = false)]
async fn long_answers_are_cut_and_say_so(pool: PgPool) {
    let service = service(&pool).await;

    let rows = ask(
        &service,
        "",
        &[],
        "select n from generate_series(1, 20000) as n",
    )
    .await;
    let bytes = ask(
        &service,
        "format=ndjson",
        &[],
        "select repeat('x', 60000) from generate_series(1, 200)",
    )
    .await;

    assert_eq!(rows.json()["results"].as_array().unwrap().len(), 10_000);
    assert_eq!(rows.json()["truncated"], true);
    assert_eq!(rows.headers["x-truncated"], "true");
    assert_eq!(bytes.headers["x-truncated"], "true");
    assert!(bytes.bytes.len() < 6_000_000);
}

#[sqlx::test(migrations = false)]
async fn what_is_wrong_is_said(pool: PgPool) {
    let service = service(&pool).await;

    for (query, headers, body, status, said) in [
        ("", &[][..], "select nothing", 400, "nothing"),
        ("", &[], "select 1; select 2", 400, "one statement"),
        ("", &[], "delete from email_events", 400, "begins with"),
        ("", &[], "select pg_advisory_lock(1)", 400, "locks"),
        ("", &[], "select", 400, "no columns"),
        ("", &[], "", 400, "begins with"),
        ("format=xml", &[], "select 1", 400, "format"),
        ("from=now", &[], "select 1", 400, "from"),
        (
            "",
            &[("content-type", "application/json")],
            "{\"query\": \"select 1\"}",
            400,
            "sql",
        ),
        (
            "",
            &[],
            "select pg_read_file('x')",
            400,
            "permission denied",
        ),
    ] {
        let answer = ask(&service, query, headers, body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.json());
        assert!(
            answer.json().to_string().contains(said),
            "{body}: {}",
            answer.json()
        );
    }
}

/// The gateway asks for a key of the scope `sql` on one route only. A request that came by another one has another key.
#[sqlx::test(migrations = false)]
async fn other_routes_do_not_lead_there_however_the_path_is_spelled(pool: PgPool) {
    let service = service(&pool).await;
    let event = |route_key: &str, method: &str, path: &str| {
        serde_json::from_value(json!({
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": path,
            "rawQueryString": "",
            "headers": { "host": "api.example" },
            "requestContext": {
                "routeKey": route_key,
                "domainName": "api.example",
                "http": { "method": method, "path": path, "sourceIp": "192.0.2.1" },
                "stage": "$default",
            },
            "body": "select 1",
            "isBase64Encoded": false,
        }))
        .unwrap()
    };

    for (route_key, method, path, status) in [
        (ROUTE, "POST", "/api/v1/sql", 200),
        ("ANY /api/{proxy+}", "POST", "/api/v1/sql", 404),
        ("ANY /api/{proxy+}", "POST", "/api/v1/sql/", 404),
        ("ANY /api/{proxy+}", "POST", "//api//v1/sql", 404),
        ("ANY /api/v1/{proxy+}", "POST", "/api/v1/sql", 404),
        ("ANY /api/{proxy+}", "GET", "/api/v1/sql", 405),
        (ROUTE, "POST", "/api/v1/events/message", 404),
        (ROUTE, "GET", "/api/v1/sql", 404),
    ] {
        let ask = async || {
            let event = event(route_key, method, path);
            let response = gateway::respond(service.router.clone(), &ROUTES, event).await;
            serde_json::to_value(response).unwrap()
        };
        let answer = once_connected(ask, |answer: &Value| answer["statusCode"] == 503).await;
        assert_eq!(answer["statusCode"], status, "{route_key}: {method} {path}");
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn stack_without_the_route_has_none(pool: PgPool) {
    let service = Service::over(&pool);

    let answer = ask(&service, "", &[], "select 1").await;
    let get = service
        .send(
            Request::builder()
                .method(Method::GET)
                .uri("/api/v1/sql")
                .body(Body::empty())
                .unwrap(),
        )
        .await;

    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(get.headers[header::ALLOW], "POST");
}

#[sqlx::test(migrations = false)]
async fn statements_of_the_dashboard_run_and_have_its_columns(pool: PgPool) {
    let service = service(&pool).await;
    service
        .load(&[
            TestEvent::new(1, "bounce", NOW.unix_timestamp() - 60).with("campaign_id", "a"),
            TestEvent::new(2, "injection", NOW.unix_timestamp() - 60),
        ])
        .await;
    let dashboard = include_str!("../../../../../docs/grafana/email-events.json");
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();

    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() > 3);
    for panel in panels {
        let target = &panel["targets"][0];
        let sql = target["url_options"]["data"]
            .as_str()
            .unwrap()
            .replace("${__from:date:iso}", "2026-11-20T00:00:00.000Z")
            .replace("${__to:date:iso}", "2100-01-01T00:00:00.000Z");
        let answer = ask(&service, "", &[], &sql).await;

        assert_eq!(answer.status, StatusCode::OK, "{sql}: {}", answer.json());
        let names = |list: &Value, name: &str| -> Vec<String> {
            let list = list.as_array().unwrap().iter();
            list.map(|column| column[name].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(
            names(&target["columns"], "selector"),
            names(&answer.json()["columns"], "name"),
            "{sql}"
        );
        assert_eq!(target["url"], "/api/v1/sql");
    }
}
