//! Why a request is not answered, as the page shows it: a status and a sentence.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A request that is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    why: String,
}

impl Refusal {
    /// What was asked makes no sense here.
    pub(super) fn wrong(why: impl ToString) -> Refusal {
        Refusal { status: StatusCode::BAD_REQUEST, why: why.to_string() }
    }

    /// Somebody asks who should not.
    pub(super) fn forbidden(why: impl ToString) -> Refusal {
        Refusal { status: StatusCode::FORBIDDEN, why: why.to_string() }
    }

    /// There is no such thing.
    pub(super) fn unknown(why: impl ToString) -> Refusal {
        Refusal { status: StatusCode::NOT_FOUND, why: why.to_string() }
    }

    /// The picture was held and is not any more.
    pub(super) fn gone() -> Refusal {
        let why = "the picture is not held any more, since many others came after it; choose it again";
        Refusal { status: StatusCode::GONE, why: why.into() }
    }

    /// More than is taken.
    pub(super) fn too_large(why: impl ToString) -> Refusal {
        Refusal { status: StatusCode::PAYLOAD_TOO_LARGE, why: why.to_string() }
    }

    /// The file is no picture, or none that is taken.
    pub(super) fn no_picture(why: impl ToString) -> Refusal {
        Refusal { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, why: why.to_string() }
    }

    /// The request did not come to its end in time.
    pub(super) fn too_slow() -> Refusal {
        let why = "the request did not arrive in time; send it again";
        Refusal { status: StatusCode::REQUEST_TIMEOUT, why: why.into() }
    }

    /// More wait already than are let in.
    pub(super) fn busy() -> Refusal {
        let why = "too many questions wait already; ask again in a moment";
        Refusal { status: StatusCode::SERVICE_UNAVAILABLE, why: why.into() }
    }

    /// Our fault.
    pub(super) fn failed(why: impl ToString) -> Refusal {
        Refusal { status: StatusCode::INTERNAL_SERVER_ERROR, why: why.to_string() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

/// What a network cannot answer was wrongly asked.
impl From<convnet_visualize::Error> for Refusal {
    fn from(error: convnet_visualize::Error) -> Refusal {
        Refusal::wrong(error)
    }
}

impl From<convnet_layers::Error> for Refusal {
    fn from(error: convnet_layers::Error) -> Refusal {
        Refusal::wrong(error)
    }
}

impl From<convnet_tensor::Error> for Refusal {
    fn from(error: convnet_tensor::Error) -> Refusal {
        Refusal::wrong(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.why }))).into_response()
    }
}
