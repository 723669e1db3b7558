//! The gateways behind the reverse proxy: their addresses and routes.

use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::http::Method;
use function_kit::gateway::{BadPath, covers, normal_path};
use serde::{Deserialize, de::DeserializeOwned};

use super::{Cors, Refusal};
use crate::{http, stack::Stack};

/// The one route of the REST API.
const REST_API_PATH: &str = "/webhooks/mparticle";
const PATIENCE: Duration = Duration::from_secs(10);

/// The addresses of the two gateways in the emulator, and the deployed configuration of the HTTP API. Empty before the first
/// deployment.
#[derive(Clone, Debug, Default)]
pub(super) struct Gateways {
    http_api: String,
    rest_api: String,
    routes: Vec<Route>,
    cors: Option<Cors>,
}

/// The route of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the REST API.
    Rest,
    /// To a route of the HTTP API without an authorizer.
    Open,
    /// To a route with an authorizer.
    Closed,
    /// The HTTP API has no such route.
    NoRoute,
}

/// A route, as the API describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Route {
    route_key: String,
    #[serde(default)]
    authorization_type: Option<String>,
}

#[derive(Deserialize)]
struct Routes {
    items: Vec<Route>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Api {
    #[serde(default)]
    cors_configuration: Option<Cors>,
}

impl Gateways {
    /// Reads from the emulator what is deployed.
    pub(super) async fn of(stack: &Stack) -> Result<Self> {
        let Stack {
            aws_endpoint_url,
            http_api_id,
            rest_api,
            region,
            ..
        } = stack;
        let api = format!("{aws_endpoint_url}/v2/apis/{http_api_id}");
        let Routes { items } = ask(&format!("{api}/routes"), region).await?;
        let Api { cors_configuration } = ask(&api, region).await?;
        Ok(Self {
            http_api: format!("{aws_endpoint_url}/_aws/execute-api/{http_api_id}"),
            rest_api: format!("{aws_endpoint_url}/restapis/{rest_api}/_user_request_"),
            routes: items,
            cors: cors_configuration,
        })
    }

    /// The route of a request, chosen like AWS's gateways, which ignore a trailing slash.
    ///
    /// # Errors
    /// When the path contains dot segments, or nothing is deployed yet.
    pub(super) fn way_of(&self, method: &Method, path: &str) -> Result<Way, Refusal> {
        if self.http_api.is_empty() {
            return Err(Refusal::NotReady);
        }
        let path = match normal_path(path) {
            Ok(path) => path,
            Err(BadPath::DotSegment) => return Err(Refusal::Address),
            Err(BadPath::Control) => return Ok(Way::NoRoute),
        };
        if path == REST_API_PATH {
            return Ok(Way::Rest);
        }
        let route = self.routes.iter().filter(|route| {
            route.route_key != "$default" && covers(&route.route_key, method.as_str(), &path)
        });
        // The most specific route, like the gateway.
        Ok(route
            .max_by_key(|route| (!route.is_greedy(), route.route_key.len()))
            .map_or(Way::NoRoute, Route::way))
    }

    pub(super) fn base(&self, way: Way) -> &str {
        match way {
            Way::Rest => &self.rest_api,
            Way::Open | Way::Closed | Way::NoRoute => &self.http_api,
        }
    }

    pub(super) fn cors(&self, way: Way) -> Option<&Cors> {
        match way {
            Way::Rest => None,
            Way::Open | Way::Closed | Way::NoRoute => self.cors.as_ref(),
        }
    }
}

impl Route {
    fn is_greedy(&self) -> bool {
        self.route_key.ends_with("+}")
    }

    fn way(&self) -> Way {
        match self.authorization_type.as_deref() {
            None | Some("NONE") => Way::Open,
            Some(_) => Way::Closed,
        }
    }
}

/// The emulator does not check signatures, but routes a request by the scope of its signature.
async fn ask<T: DeserializeOwned>(url: &str, region: &str) -> Result<T> {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=local/20260101/{region}/apigateway/aws4_request, SignedHeaders=host, Signature=0"
    );
    let answer = http::client(PATIENCE)?
        .get(url)
        .header("authorization", scope)
        .send()
        .await
        .context("reading the emulator's routes")?
        .error_for_status()
        .context("reading the emulator's routes")?;
    let text = answer.bytes().await.context("reading the routes")?;
    serde_json::from_slice(&text).context("parsing the routes")
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// Gateways at `upstream`, with the routes and the CORS configuration of the template.
    pub(in crate::up::front_door) fn gateways(upstream: &str) -> Gateways {
        let template = include_str!("../../../../../../template.yaml");
        let routes = template
            .split("Type: AWS::ApiGatewayV2::Route\n")
            .skip(1)
            .map(|rest| {
                let value = |name: &str| {
                    let line = rest.split(name).nth(1).unwrap().lines().next().unwrap();
                    line.trim().to_owned()
                };
                Route {
                    route_key: value("RouteKey: "),
                    authorization_type: Some(value("AuthorizationType: ")),
                }
            });
        let cors = json!({
            "AllowOrigins": ["*"], "AllowMethods": ["POST"], "AllowHeaders": ["authorization", "x-api-key"],
            "ExposeHeaders": ["retry-after"], "MaxAge": 86400,
        });
        Gateways {
            http_api: upstream.to_owned(),
            rest_api: format!("{upstream}/rest"),
            routes: routes.collect(),
            cors: serde_json::from_value(cors).unwrap(),
        }
    }

    #[test]
    fn requests_go_the_way_of_their_route() {
        let gateways = gateways("http://127.0.0.1:1");
        let table = [
            ("POST", "/webhooks/mparticle", Way::Rest),
            ("GET", "//webhooks/mparticle/", Way::Rest),
            ("POST", "/webhooks/sparkpost", Way::Open),
            ("POST", "/webhooks/sparkpost/", Way::Open),
            ("POST", "//webhooks//sparkpost", Way::Open),
            ("GET", "/webhooks/sparkpost", Way::NoRoute),
            ("HEAD", "/webhooks/sparkpost", Way::NoRoute),
            ("POST", "/oauth/token/", Way::Open),
            ("POST", "/track", Way::Open),
            ("POST", "/track//", Way::Open),
            ("OPTIONS", "/track", Way::NoRoute),
            ("GET", "/healthz/", Way::Open),
            ("HEAD", "/healthz", Way::Open),
            ("GET", "/openapi.json", Way::Open),
            ("PUT", "/api/v1/events/message", Way::Closed),
            ("GET", "/api/v1//events/message/", Way::Closed),
            ("OPTIONS", "/api/v1/events/message", Way::Closed),
            ("GET", "/", Way::NoRoute),
            ("POST", "/v1/batch", Way::Open),
            ("POST", "/batch/", Way::Open),
            ("POST", "/track/key", Way::Open),
            ("GET", "/batch", Way::NoRoute),
            ("POST", "/v2/batch", Way::NoRoute),
            ("GET", "/v2/apis", Way::NoRoute),
            ("GET", "/_ministack/health", Way::NoRoute),
            ("GET", "/$default/healthz", Way::NoRoute),
            ("GET", "/healthz%00", Way::NoRoute),
        ];

        for (method, path, way) in table {
            let method = method.parse().unwrap();
            assert_eq!(gateways.way_of(&method, path), Ok(way), "{method} {path}");
        }
    }

    #[test]
    fn dot_segments_have_no_way() {
        let gateways = gateways("http://127.0.0.1:1");

        for dots in [
            "..",
            ".",
            "%2e%2e",
            ".%2e",
            "%252e%252e",
            "..;",
            ";..",
            "..\\",
            "..%5c",
            "%2e%2e%2f",
        ] {
            let path = format!("/api/{dots}/x");
            assert_eq!(
                gateways.way_of(&Method::GET, &path),
                Err(Refusal::Address),
                "{path}"
            );
        }
    }

    #[test]
    fn before_anything_is_deployed_nothing_is_ready() {
        let way = Gateways::default().way_of(&Method::GET, "/healthz");

        assert_eq!(way, Err(Refusal::NotReady));
    }
}
