//! The application, which the two programs share.

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use gate::Answer;

/// Serves every route by the gate's application.
pub fn application() -> Router {
    Router::new().fallback(respond)
}

async fn respond(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let body: BodyDataStream = body.into_data_stream();
    let (status, body) = match gate::answer(head.method.as_str(), target, body).await {
        Answer::Whole(status, body) => (status, Body::from(body)),
        Answer::Pieces(held) => (200, Body::from_stream(held.pieces())),
    };
    let status = axum::http::StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "text/plain")], body).into_response()
}
