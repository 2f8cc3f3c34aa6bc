//! Which question is answered where.

use super::explorer::Explorer;
use super::filters::Line;
use super::guard::guard;
use super::held::Held;
use super::intake::Intake;
use super::pool::Pool;
use super::refusal::Refusal;
use super::{about, assets, filters, layers, look, playground};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router, middleware};
use convnet_tensor::Tensor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};

/// The largest file of a picture.
pub(super) const LARGEST: usize = 32 << 20;
/// The largest question.
const QUESTION: usize = 64 << 10;
/// A body is there by then.
const IN_TIME: Duration = Duration::from_secs(30);

/// What all answers are made of.
#[derive(Clone, Debug)]
pub(super) struct Server {
    explorer: Arc<Explorer>,
    held: Arc<Held>,
    /// For answers that take one pass or two.
    quick: Pool,
    /// For those that take many: they keep nobody else waiting.
    slow: Pool,
    intake: Intake,
}

impl Server {
    /// A server of this model with its threads.
    ///
    /// # Errors
    /// When the system starts no threads.
    pub(super) fn new(explorer: Explorer) -> std::io::Result<Server> {
        Ok(Server {
            explorer: Arc::new(explorer),
            held: Arc::default(),
            quick: Pool::new("quick", 2, 128)?,
            slow: Pool::new("slow", 1, 64)?,
            intake: Intake::default(),
        })
    }

    /// All routes, guarded.
    pub(super) fn router(self, port: u16) -> Router {
        Router::new()
            .route("/", get(assets::page))
            .route("/assets/{name}", get(assets::asset))
            .route("/api/about", get(tell_about))
            .route("/api/samples/{number}", get(sample))
            .route("/api/similar/{number}", get(similar_picture))
            .route("/api/pictures", post(add))
            .route("/api/pictures/{id}", put(replace))
            .route("/api/look", post(look))
            .route("/api/layers", post(layers))
            .route("/api/filters", post(filters))
            .route("/api/similar", post(similar))
            .route("/api/augment", post(augment))
            .fallback(|| async { Refusal::unknown("there is nothing under this address") })
            .layer(middleware::from_fn_with_state(port, guard))
            .with_state(self)
    }

    /// What `work` makes of a picture that is held.
    async fn answer<T: Serialize + Send + 'static>(
        self,
        slow: bool,
        picture: &str,
        work: impl FnOnce(&Explorer, &Tensor<u8>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Json<T>, Refusal> {
        let picture = self.held.get(picture)?;
        let pool = if slow { &self.slow } else { &self.quick };
        pool.run(move || work(&self.explorer, &picture)).await.map(Json)
    }

    /// The picture in the body of a request.
    async fn uploaded(&self, body: Body) -> Result<Tensor<u8>, Refusal> {
        let file = self.intake.file(body, LARGEST, IN_TIME).await?;
        let explorer = Arc::clone(&self.explorer);
        self.quick.run(move || explorer.picture(&file.bytes)).await
    }
}

/// A question in JSON.
async fn question<T: DeserializeOwned>(server: &Server, body: Body) -> Result<T, Refusal> {
    let text = server.intake.file(body, QUESTION, IN_TIME).await?;
    serde_json::from_slice(&text.bytes)
        .map_err(|why| Refusal::wrong(format!("the question cannot be read: {why}")))
}

async fn tell_about(State(server): State<Server>) -> Json<about::About> {
    Json(about::About::of(&server.explorer))
}

async fn sample(State(server): State<Server>, Path(number): Path<usize>) -> Result<Response, Refusal> {
    let sample = server.explorer.samples.get(number);
    let file = sample.ok_or_else(|| Refusal::unknown("there is no such sample"))?.file.clone();
    let kind = if file.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" };
    Ok(([(CONTENT_TYPE, kind)], file).into_response())
}

async fn similar_picture(
    State(server): State<Server>,
    Path(number): Path<usize>,
) -> Result<Response, Refusal> {
    let explorer = Arc::clone(&server.explorer);
    let png = server.quick.run(move || match &explorer.index {
        Some(index) => index.png(number),
        None => Err(Refusal::unknown(NO_PICTURES)),
    });
    Ok(([(CONTENT_TYPE, "image/png")], png.await?).into_response())
}

#[derive(Serialize)]
struct Added {
    id: String,
}

async fn add(State(server): State<Server>, body: Body) -> Result<Json<Added>, Refusal> {
    let picture = server.uploaded(body).await?;
    Ok(Json(Added { id: server.held.add(picture)? }))
}

async fn replace(
    State(server): State<Server>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Added>, Refusal> {
    let picture = server.uploaded(body).await?;
    server.held.replace(&id, picture)?;
    Ok(Json(Added { id }))
}

async fn look(State(server): State<Server>, body: Body) -> Result<impl IntoResponse, Refusal> {
    let asked: look::Asked = question(&server, body).await?;
    let picture = asked.picture.clone();
    server.answer(asked.is_slow(), &picture, move |explorer, picture| explorer.look(&asked, picture)).await
}

async fn layers(State(server): State<Server>, body: Body) -> Result<impl IntoResponse, Refusal> {
    let asked: layers::Asked = question(&server, body).await?;
    let picture = asked.picture.clone();
    server.answer(false, &picture, move |explorer, picture| explorer.maps(&asked, picture)).await
}

async fn augment(State(server): State<Server>, body: Body) -> Result<impl IntoResponse, Refusal> {
    let asked: playground::Asked = question(&server, body).await?;
    let picture = asked.picture.clone();
    server.answer(false, &picture, move |explorer, picture| explorer.augmented(&asked, picture)).await
}

/// What is said where no pictures were given.
const NO_PICTURES: &str = "no pictures were given; `convnet explore MODEL --pictures FOLDER` has them";

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedSimilar {
    picture: String,
    #[serde(default)]
    change: super::change::Change,
}

async fn similar(State(server): State<Server>, body: Body) -> Result<impl IntoResponse, Refusal> {
    let asked: AskedSimilar = question(&server, body).await?;
    let work = move |explorer: &Explorer, picture: &Tensor<u8>| match &explorer.index {
        Some(index) => index.like(explorer, &asked.change.of(picture)?),
        None => Err(Refusal::unknown(NO_PICTURES)),
    };
    let picture = asked.picture.clone();
    server.answer(false, &picture, work).await
}

/// One line of JSON after the other, as the painting goes on. It ends when the client leaves.
async fn filters(State(server): State<Server>, body: Body) -> Result<Response, Refusal> {
    let asked: filters::Asked = question(&server, body).await?;
    let picture = server.held.get(&asked.picture)?;
    let explorer = Arc::clone(&server.explorer);
    let (sender, lines) = mpsc::channel::<Line>(4);
    server.slow.start(move || {
        let mut tell = |line| match sender.blocking_send(line) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        if tell(Line::Progress { done: 0, all: 1 }).is_continue() {
            let last = explorer
                .painted(&asked, &picture, &mut tell)
                .unwrap_or_else(|why| Line::Error(why.to_string()));
            let _ = tell(last);
        }
    })?;
    let lines = ReceiverStream::new(lines).map(|line| {
        let mut text = serde_json::to_vec(&line).map_err(std::io::Error::other)?;
        text.push(b'\n');
        Ok::<_, std::io::Error>(text)
    });
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}
