//! A function behind an HTTP API.

use axum::Router;
use lambda_http::{Adapter, LambdaEvent, lambda_runtime, request::LambdaRequest};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tower::ServiceExt;

use crate::BoxError;

/// Answers invocations until the sandbox ends.
pub async fn serve(router: Router) -> Result<(), BoxError> {
    lambda_runtime::run(Adapter::from(router).map_request(tolerate_raw_query)).await
}

/// What a query string must not hold if it is to become an `http::Uri`.
const NOT_IN_A_URI: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

/// Encodes what the client should have.
///
/// The gateway hands the query string on as it came. `lambda_http` panics on one that is no URI, so a space that
/// nobody encoded would be a 500 instead of an answer.
fn tolerate_raw_query(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload
        && let Some(query) = &mut request.raw_query_string
    {
        *query = utf8_percent_encode(query, NOT_IN_A_URI).to_string();
    }
    event
}

#[cfg(test)]
mod tests {
    use lambda_http::{Context, Request};

    use super::*;

    /// The request that the router sees for what a client sent after the question mark.
    fn receive(raw_query: &str) -> Request {
        let event = serde_json::json!({
            "version": "2.0",
            "routeKey": "GET /api/v1/events/message",
            "rawPath": "/api/v1/events/message",
            "rawQueryString": raw_query,
            "headers": { "host": "example.com" },
            "requestContext": {
                "apiId": "api",
                "http": { "method": "GET", "path": "/api/v1/events/message", "protocol": "HTTP/1.1" },
                "stage": "$default",
                "timeEpoch": 0,
            },
            "isBase64Encoded": false,
        });
        let payload = serde_json::from_value(event).unwrap();
        tolerate_raw_query(LambdaEvent::new(payload, Context::default()))
            .payload
            .into()
    }

    #[test]
    fn query_that_is_no_uri_reaches_the_router() {
        let query = "subjects=Summer deals \"<now>\"&reason=caf\u{e9}#1\u{7f}\n";

        assert_eq!(
            receive(query).uri().query(),
            Some("subjects=Summer%20deals%20%22%3Cnow%3E%22&reason=caf%C3%A9%231%7F%0A")
        );
    }

    #[test]
    fn encoded_query_stays_as_it_is() {
        let query = "events=delivery%2Cbounce&recipients=a+b@example.com&from=2022-02-25T00:00:00Z&x='{}|^`[]\\";

        assert_eq!(receive(query).uri().query(), Some(query));
    }
}
