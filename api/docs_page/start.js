// A file of its own: the page's Content-Security-Policy allows no script inside the page.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null, // else the document is sent to a server of Swagger's
});
