//! The gateways behind the proxy: their URLs and routes.

use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::http::Method;
use function_kit::gateway::{BadPath, covers, normal_path};
use serde::{Deserialize, de::DeserializeOwned};

use super::{Cors, Refusal};
use crate::{http, stack::Stack};

/// The one route of the REST API.
const REST_API_PATH: &str = "/webhooks/mparticle";
const TIMEOUT: Duration = Duration::from_secs(10);

/// The URLs of the two gateways in the emulator, and the deployed routes and CORS configuration of the HTTP API. Empty until something
/// is deployed.
#[derive(Clone, Debug, Default)]
pub(super) struct Gateways {
    http_api: String,
    rest_api: String,
    routes: Vec<Route>,
    cors: Option<Cors>,
}

/// Which gateway and kind of route a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RouteKind {
    /// The REST API.
    Rest,
    /// A route of the HTTP API without an authorizer.
    Open,
    /// A route of the HTTP API with an authorizer.
    Closed,
    /// The HTTP API has no such route.
    NoRoute,
}

/// A route, as the API returns it.
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
    /// Reads the deployed routes from the emulator.
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

    /// The route of a request, chosen like AWS's gateways, which ignore extra slashes.
    ///
    /// # Errors
    /// The path has dot segments, or nothing is deployed yet.
    pub(super) fn route_kind(&self, method: &Method, path: &str) -> Result<RouteKind, Refusal> {
        if self.http_api.is_empty() {
            return Err(Refusal::NotReady);
        }
        let path = match normal_path(path) {
            Ok(path) => path,
            Err(BadPath::DotSegment) => return Err(Refusal::Address),
            Err(BadPath::Control) => return Ok(RouteKind::NoRoute),
        };
        if path == REST_API_PATH {
            return Ok(RouteKind::Rest);
        }
        let route = self.routes.iter().filter(|route| {
            route.route_key != "$default" && covers(&route.route_key, method.as_str(), &path)
        });
        // The most specific route, which is the one that the gateway chooses.
        Ok(route
            .max_by_key(|route| (!route.is_greedy(), route.route_key.len()))
            .map_or(RouteKind::NoRoute, Route::kind))
    }

    pub(super) fn base(&self, kind: RouteKind) -> &str {
        match kind {
            RouteKind::Rest => &self.rest_api,
            RouteKind::Open | RouteKind::Closed | RouteKind::NoRoute => &self.http_api,
        }
    }

    pub(super) fn cors(&self, kind: RouteKind) -> Option<&Cors> {
        match kind {
            RouteKind::Rest => None,
            RouteKind::Open | RouteKind::Closed | RouteKind::NoRoute => self.cors.as_ref(),
        }
    }
}

impl Route {
    fn is_greedy(&self) -> bool {
        self.route_key.ends_with("+}")
    }

    fn kind(&self) -> RouteKind {
        match self.authorization_type.as_deref() {
            None | Some("NONE") => RouteKind::Open,
            Some(_) => RouteKind::Closed,
        }
    }
}

/// The emulator does not check signatures, but routes a request by the scope of its signature.
async fn ask<T: DeserializeOwned>(url: &str, region: &str) -> Result<T> {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=local/20260101/{region}/apigateway/aws4_request, SignedHeaders=host, Signature=0"
    );
    let answer = http::client(TIMEOUT)?
        .get(url)
        .header("authorization", scope)
        .send()
        .await
        .context("reading the routes from the emulator")?
        .error_for_status()
        .context("reading the routes from the emulator")?;
    let text = answer.bytes().await.context("reading the routes")?;
    serde_json::from_slice(&text).context("parsing the routes")
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// Gateways at `upstream`, with the routes and the CORS configuration of the template.
    pub(in crate::stack::up::reverse_proxy) fn gateways(upstream: &str) -> Gateways {
        let template = include_str!("../../../../../../../template.yaml");
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
            ("POST", "/webhooks/mparticle", RouteKind::Rest),
            ("GET", "//webhooks/mparticle/", RouteKind::Rest),
            ("POST", "/webhooks/sparkpost", RouteKind::Open),
            ("POST", "/webhooks/sparkpost/", RouteKind::Open),
            ("POST", "//webhooks//sparkpost", RouteKind::Open),
            ("GET", "/webhooks/sparkpost", RouteKind::NoRoute),
            ("HEAD", "/webhooks/sparkpost", RouteKind::NoRoute),
            ("POST", "/oauth/token/", RouteKind::Open),
            ("POST", "/track", RouteKind::Open),
            ("POST", "/track//", RouteKind::Open),
            ("OPTIONS", "/track", RouteKind::NoRoute),
            ("GET", "/healthz/", RouteKind::Open),
            ("HEAD", "/healthz", RouteKind::Open),
            ("GET", "/openapi.json", RouteKind::Open),
            ("PUT", "/api/v1/events/message", RouteKind::Closed),
            ("GET", "/api/v1//events/message/", RouteKind::Closed),
            ("OPTIONS", "/api/v1/events/message", RouteKind::Closed),
            ("GET", "/", RouteKind::Open),
            ("POST", "/", RouteKind::NoRoute),
            ("GET", "/console", RouteKind::Open),
            ("GET", "/console/reports/bounces/", RouteKind::Open),
            ("POST", "/console/sign-in", RouteKind::Open),
            ("POST", "/console/export", RouteKind::NoRoute),
            ("PUT", "/console", RouteKind::NoRoute),
            ("POST", "/v1/batch", RouteKind::Open),
            ("POST", "/batch/", RouteKind::Open),
            ("POST", "/track/key", RouteKind::Open),
            ("GET", "/batch", RouteKind::NoRoute),
            ("POST", "/v2/batch", RouteKind::NoRoute),
            ("GET", "/v2/apis", RouteKind::NoRoute),
            ("GET", "/_ministack/health", RouteKind::NoRoute),
            ("GET", "/$default/healthz", RouteKind::NoRoute),
            ("GET", "/healthz%00", RouteKind::NoRoute),
        ];

        for (method, path, kind) in table {
            let method = method.parse().unwrap();
            assert_eq!(
                gateways.route_kind(&method, path),
                Ok(kind),
                "{method} {path}"
            );
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
                gateways.route_kind(&Method::GET, &path),
                Err(Refusal::Address),
                "{path}"
            );
        }
    }

    #[test]
    fn before_anything_is_deployed_nothing_is_ready() {
        let kind = Gateways::default().route_kind(&Method::GET, "/healthz");

        assert_eq!(kind, Err(Refusal::NotReady));
    }
}
