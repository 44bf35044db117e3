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

// Swagger UI fills its form with the examples: those of fields that have no default stay empty.
function withoutExamplesInForm(response) {
  if (new URL(response.url, location).pathname !== "/openapi.json") return response;
  const fullDocument = JSON.parse(response.text);
  const form = fullDocument.paths["/api/compress"].post.requestBody.content["multipart/form-data"];
  for (const [name, field] of Object.entries(form.schema.properties)) {
    if (!field.examples || field.format === "binary") continue;
    if (form.schema.required.includes(name)) continue;
    field.examples = [field.type === "array" ? [] : ""];
  }
  response.text = JSON.stringify(fullDocument);
  return response;
}

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  requestInterceptor: withoutEmptyFields,
  responseInterceptor: withoutExamplesInForm,
  tryItOutEnabled: true,
  validatorUrl: null, // else the document is sent to a server of Swagger's
});
