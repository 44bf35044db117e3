// A file of its own: the page's Content-Security-Policy allows no script inside the page.
"use strict";

// Swagger UI sends a field that was left empty as an empty one, which is not allowed for most.
function withoutEmptyFields(request) {
  if (request.body instanceof FormData) {
    const filled = new FormData();
    for (const [name, value] of request.body) {
      if (value !== "" && value.size !== 0) filled.append(name, value);
    }
    request.body = filled;
  }
  return request;
}

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  requestInterceptor: withoutEmptyFields,
  tryItOutEnabled: true,
  validatorUrl: null, // else the document is sent to a server of Swagger's
});
